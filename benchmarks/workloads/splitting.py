"""Which samples are held out: a function of a sample's name alone.

A sample stays on its side when others are added, removed or listed in another order, and whatever
belongs to it (a mask, a second image, a second row) goes with it.
"""

from __future__ import annotations

import zlib

__all__ = ["is_held_out"]


def is_held_out(name: str, *, share: float = 0.2) -> bool:
    """Whether a sample is for evaluation.

    Args:
        name: Of the sample; copies and parts of one picture must have one name.
        share: Of the samples that are held out, about, in [0, 1].
    """
    return zlib.crc32(name.encode("utf-8")) < share * 2**32
