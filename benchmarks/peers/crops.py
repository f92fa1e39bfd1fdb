"""The geometry of the cases, for peers that have none of their own: boxes, and what Pillow does.

Random numbers come from the worker's own generator, which every peer seeds as its library does.
"""

from __future__ import annotations

import math
import random

import numpy as np
import numpy.typing as npt
from measuring import SIZE
from PIL import Image

PATCH = 192

Box = tuple[int, int, int, int]
"""Left, top, width, height, in pixels."""


def random_resized_box(width: int, height: int) -> Box:
    """A box of 8 to 100 % of the area and an aspect ratio of 3/4 to 4/3.

    Source: torchvision.transforms.RandomResizedCrop.
    """
    for _ in range(10):
        area = width * height * random.uniform(0.08, 1.0)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return random.randint(0, width - w), random.randint(0, height - h), w, h
    w, h = min(width, round(height * 4 / 3)), min(height, round(width * 4 / 3))
    return (width - w) // 2, (height - h) // 2, w, h


def random_box(width: int, height: int, side: int) -> Box:
    """A square of `side` pixels anywhere."""
    return random.randint(0, width - side), random.randint(0, height - side), side, side


def flip() -> bool:
    """Whether to mirror this one."""
    return random.random() < 0.5


def random_crop(image: Image.Image) -> Image.Image:
    """RandomResizedCrop and a horizontal flip."""
    left, top, width, height = random_resized_box(*image.size)
    image = image.crop((left, top, left + width, top + height))
    image = image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip() else image


def centre_crop(image: Image.Image) -> Image.Image:
    """The shorter side to 256, then the middle."""
    width, height = image.size
    short = min(width, height)
    width, height = 256 * width // short, 256 * height // short
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - SIZE) // 2, (height - SIZE) // 2
    return image.crop((left, top, left + SIZE, top + SIZE))


def patch(image: Image.Image) -> Image.Image:
    """A random square of the image as it is."""
    left, top, width, height = random_box(*image.size, PATCH)
    return image.crop((left, top, left + width, top + height))


CROPS = {"random": random_crop, "centre": centre_crop, "patch": patch}
SIZES = {"random": SIZE, "centre": SIZE, "patch": PATCH}


def pixels(image: Image.Image) -> npt.NDArray[np.uint8]:
    """The image as (height, width, 3), in memory of its own."""
    return np.array(image)
