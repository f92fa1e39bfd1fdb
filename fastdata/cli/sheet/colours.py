"""Colours for class ids and distances."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

__all__ = ["class_colours", "css", "diverging", "gradient", "sequential"]

Colours = NDArray[np.uint8]

# Twelve hues that stay apart in light and dark, neighbours differing most.
_CLASSES = (
    "4e9be6", "e8743b", "3cb371", "a569d6", "f2c230", "e0558c",
    "35b8c4", "b8763a", "8fbf3f", "6b78d8", "f29a9a", "7d8a96",
)  # fmt: skip

# Every 16th entry of viridis, which rises evenly in lightness and suits the colour-blind.
# Source: S. van der Walt and N. Smith, matplotlib 1.5, released as CC0.
_VIRIDIS = (
    "440154", "481a6c", "472f7d", "414487", "39568c", "31688e", "2a788e", "23888e", "1f988b",
    "22a884", "35b779", "54c568", "7ad151", "a5db36", "d2e21b", "fde725",
)  # fmt: skip

# ColorBrewer RdBu, blue first: blue is inside a class, white its boundary, red outside.
# Source: C. Brewer, colorbrewer2.org, Apache 2.0.
_DIVERGING = (
    "053061", "2166ac", "4393c3", "92c5de", "d1e5f0", "f7f7f7",
    "fddbc7", "f4a582", "d6604d", "b2182b", "67001f",
)  # fmt: skip


def class_colours(count: int) -> Colours:
    """One colour a class id, shape (count, 3); ids beyond the first twelve get made-up hues."""
    colours = [_rgb(_CLASSES[i]) if i < len(_CLASSES) else _generated(i) for i in range(count)]
    return np.array(colours, np.uint8).reshape(count, 3)


def sequential(values: NDArray[np.floating]) -> Colours:
    """Viridis for values 0..1 (clipped), shape (..., 3)."""
    return _interpolate(values, _VIRIDIS)


def diverging(values: NDArray[np.floating]) -> Colours:
    """Blue, white, red for values -1..1 (clipped), shape (..., 3)."""
    return _interpolate((values + 1) / 2, _DIVERGING)


def gradient(*, signed: bool) -> str:
    """The colour map as a CSS gradient from its low to its high end."""
    stops = _DIVERGING if signed else _VIRIDIS
    return f"linear-gradient(to right, {', '.join(f'#{stop}' for stop in stops)})"


def css(colour: Colours) -> str:
    """One colour of shape (3,) as CSS."""
    return "#" + bytes(colour.tolist()).hex()


def _rgb(text: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(text))


def _generated(index: int) -> tuple[int, ...]:
    # Steps of the golden ratio never come near an earlier hue twice in a row.
    hue = index * 0.618034 % 1.0
    lightness = (0.42, 0.58, 0.72)[index % 3]
    return tuple(round(255 * part) for part in colorsys.hls_to_rgb(hue, lightness, 0.6))


def _interpolate(values: NDArray[np.floating], stops: tuple[str, ...]) -> Colours:
    table = np.array([_rgb(stop) for stop in stops], np.float32)
    at = np.clip(np.nan_to_num(values), 0, 1) * (len(stops) - 1)
    low = np.minimum(at.astype(np.intp), len(stops) - 2)
    share = (at - low)[..., None]
    mixed: Colours = np.rint(table[low] * (1 - share) + table[low + 1] * share).astype(np.uint8)
    return mixed
