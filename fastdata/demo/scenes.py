"""Made scenes with the sizes, the 1/f spectrum and the file sizes of real photographs.

Each is a sky over textured ground with shaded balls and crates on it, a mask of what is where, and
one of four kinds of land as its class. Scene i of a seed is the same on every machine and in
whatever order scenes are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LANDS", "PARTS", "TRUNCATE", "Scene", "make_scene"]

Floats = NDArray[np.float32]

# Mask classes and sample classes, in the order of their ids; a table's classes are sorted by name.
PARTS = ("sky", "ground", "ball", "crate")
LANDS = ("desert", "dusk", "meadow", "snow")

# Distances to a class boundary are of use only this near to it, in pixels.
TRUNCATE = 32.0

# (height, width) as cameras and web albums give them, about 450 x 400 on average.
SIZES = ((400, 450), (375, 500), (450, 400), (500, 375), (400, 400), (333, 500))

# Colour of the sky's top, of the horizon and of the ground, red green blue 0..255.
_COLOURS = {
    "meadow": ((70, 120, 200), (190, 215, 235), (75, 120, 50)),
    "desert": ((110, 160, 210), (235, 215, 180), (200, 150, 90)),
    "snow": ((150, 165, 185), (215, 220, 228), (225, 230, 238)),
    "dusk": ((40, 40, 85), (230, 130, 80), (60, 50, 60)),
}

TEXTURE_SIDE = 1024
TEXTURES = 6


@dataclass(frozen=True)
class Scene:
    """One made picture.

    Attributes:
        image: (height, width, 3) uint8 RGB.
        mask: (height, width) uint8, an index into `PARTS`.
        land: Index into `LANDS`.
        objects: Balls and crates that were placed.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    land: int
    objects: int


def make_scene(seed: int, index: int) -> Scene:
    """Scene `index` of the series `seed`."""
    random = np.random.default_rng([seed, index])
    land = index % len(LANDS)
    height, width = SIZES[random.integers(len(SIZES))]
    pixels, mask = _landscape(random, LANDS[land], height, width)
    objects = int(random.integers(2, 7))
    # Far ones first, so that near ones cover them.
    for depth in np.sort(random.uniform(0.2, 1.0, objects)):
        _place(random, pixels, mask, float(depth))
    pixels *= random.uniform(0.8, 1.1)
    pixels += random.normal(0, 5.5, pixels.shape)  # the noise of a sensor
    image = np.clip(pixels, 0, 255).astype(np.uint8)
    return Scene(image=image, mask=mask, land=land, objects=objects)


@lru_cache(maxsize=1)
def _textures() -> Floats:
    """Noise whose amplitude falls as 1/f, as that of natural images does; mean 0, deviation 1.

    Source: D. Field, "Relations between the statistics of natural images and the response
    properties of cortical cells", 1987.
    """
    random = np.random.default_rng(0)
    frequency = np.hypot(
        np.fft.fftfreq(TEXTURE_SIDE)[:, None], np.fft.rfftfreq(TEXTURE_SIDE)[None, :]
    )
    frequency[0, 0] = np.inf
    made = np.empty((TEXTURES, TEXTURE_SIDE, TEXTURE_SIDE), np.float32)
    for texture in made:
        phases = np.exp(2j * np.pi * random.random(frequency.shape))
        noise = np.fft.irfft2(phases / frequency, s=texture.shape)
        texture[:] = noise / noise.std()
    return made


def _texture(random: np.random.Generator, height: int, width: int) -> Floats:
    """A random piece of a random texture, (height, width)."""
    top = random.integers(TEXTURE_SIDE - height + 1)
    left = random.integers(TEXTURE_SIDE - width + 1)
    piece = _textures()[random.integers(TEXTURES), top : top + height, left : left + width]
    return piece[:, ::-1] if random.random() < 0.5 else piece


def _landscape(
    random: np.random.Generator, land: str, height: int, width: int
) -> tuple[Floats, NDArray[np.uint8]]:
    """Sky over ground as pixels (height, width, 3), 0..255, and mask (height, width)."""
    top, low, ground = (np.array(colour, np.float32) for colour in _COLOURS[land])
    rough = _texture(random, 1, width)[0]
    horizon = height * random.uniform(0.25, 0.5) + rough * random.uniform(2, 14)
    rows = np.arange(height, dtype=np.float32)[:, None]
    below = rows > horizon
    share = np.clip(rows / horizon.mean(), 0, 1)[..., None]
    sky = top + (low - top) * share + 16 * _texture(random, height, width)[..., None]
    near = np.clip((rows - horizon) / height, 0, 1)[..., None]
    grain = _texture(random, height, width) * _texture(random, height, width)
    earth = ground * (0.65 + 0.5 * near) + (20 + 22 * near) * grain[..., None]
    pixels = np.where(below[..., None], earth, sky).astype(np.float32)
    return pixels, below.astype(np.uint8)


def _place(
    random: np.random.Generator, pixels: Floats, mask: NDArray[np.uint8], depth: float
) -> None:
    """Draws one ball or crate; `depth` 1 is near and large, 0 far and small."""
    height, width = mask.shape
    radius = depth * random.uniform(0.10, 0.20) * min(height, width)
    centre_y = height * (0.40 + 0.45 * depth)
    centre_x = random.uniform(0, width)
    part = int(random.integers(PARTS.index("ball"), len(PARTS)))
    box = (
        slice(max(0, int(centre_y - 1.5 * radius)), min(height, int(centre_y + 1.5 * radius) + 1)),
        slice(max(0, int(centre_x - 1.5 * radius)), min(width, int(centre_x + 1.5 * radius) + 1)),
    )
    y, x = np.ogrid[box]
    across, down = (x - centre_x) / radius, (y - centre_y) / radius
    inside, light = _ball(across, down) if part == 2 else _crate(random, across, down)
    colour = random.uniform(60, 235, 3).astype(np.float32)
    grain = 0.12 * _texture(random, *inside.shape)
    shaded = colour * (light + grain)[..., None]
    pixels[box][inside] = shaded[inside]
    mask[box][inside] = part


def _ball(across: Any, down: Any) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Where a ball of radius 1 is, and how bright, lit from the upper left."""
    outside = across**2 + down**2
    normal = np.sqrt(np.clip(1 - outside, 0, 1))
    light = 0.25 + 0.85 * np.clip(0.6 * normal - 0.5 * across - 0.6 * down, 0, 1)
    return outside <= 1, light


def _crate(
    random: np.random.Generator, across: Any, down: Any
) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Where a turned crate with planks is, and how bright."""
    turn = random.uniform(-0.35, 0.35)
    u = np.cos(turn) * across + np.sin(turn) * down
    v = np.cos(turn) * down - np.sin(turn) * across
    inside = (np.abs(u) <= 0.95) & (np.abs(v) <= 0.75)
    planks = np.where(np.abs((v * 3) % 1 - 0.5) > 0.44, 0.45, 1.0)
    return inside, planks * (0.95 - 0.25 * u)
