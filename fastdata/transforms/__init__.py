"""Declared transforms: the same names, defaults and behaviour as torchvision's, for whole batches.

One geometry is drawn a sample and serves all its spatial fields: images are resampled bilinear with
antialiasing, masks nearest, distance maps bilinear. Every number drawn depends on (seed, epoch,
sample index, position in the list) alone, so the same crops come out of every engine, worker count
and resume.

The chain composes into one resampling from the source. Crops, flips and turns alone copy pixels
exactly.
"""

from fastdata.transforms.base import Transform
from fastdata.transforms.crop import CenterCrop, RandomCrop
from fastdata.transforms.pixels import Normalize, Pixels, ToFloat
from fastdata.transforms.plan import Plan, plan
from fastdata.transforms.resize import RandomResizedCrop, Resize
from fastdata.transforms.turn import HorizontalFlip, Rotate90, VerticalFlip

__all__ = [
    "CenterCrop",
    "HorizontalFlip",
    "Normalize",
    "Pixels",
    "Plan",
    "RandomCrop",
    "RandomResizedCrop",
    "Resize",
    "Rotate90",
    "ToFloat",
    "Transform",
    "VerticalFlip",
    "plan",
]
