"""Decoding for those who take images in: damage is looked for wherever it can be found."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fastdata.codecs.decode import Data, decode_image, probe
from fastdata.codecs.sniff import image_format
from fastdata.native.extension import compiled

__all__ = ["decode_strictly"]


def decode_strictly(data: Data, channels: int) -> npt.NDArray[np.uint8]:
    """As `decode_image`, but refuses also a JPEG with damage of which libjpeg only warns.

    Pixels after such a place are made up. The coefficients are read first, which takes half of the
    time again and needs the compiled core; without one this is `decode_image`.

    Raises:
        InputError: As `decode_image`; or a JPEG has the slightest damage.
        UsageError: `channels` is neither 3 nor 1.
    """
    core = compiled()
    if core is not None and image_format(data) == "jpeg":
        probe(data)
        core.check_jpeg(data)
    return decode_image(data, channels)
