"""Checks that several tests of the loader share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from fastdata.loader.moving import call_each

# In levels of 0..255, over a batch and over a sample. libjpeg and the fixed-point filter are not
# DALI's; and the compiled core decodes what is made much smaller at a reduced size, which alone
# moves a sample by up to 2.
MEAN_LEVELS, SAMPLE_LEVELS = 2.0, 4.0


def assert_same(one: Any, other: Any) -> None:
    """Batches, or lists of batches, equal in type, dtype, shape, strides and value."""
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert (one.dtype, one.shape, one.stride()) == (other.dtype, other.shape, other.stride())
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        assert_same(list(one.values()), list(other.values()))
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for first, second in zip(one, other, strict=True):
            assert_same(first, second)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


def assert_alike(found: Any, expected: Any) -> None:
    """Batches that are the same but for the last levels of their images, and their device."""
    assert_all_alike([found], [expected])


def assert_all_alike(found: Any, expected: Any) -> None:
    """Lists of such batches; the mean is that of all of them."""
    assert len(found) == len(expected)
    apart: dict[str, list[torch.Tensor]] = {}
    for batch, wanted in zip(found, expected, strict=True):
        assert batch._fields == wanted._fields
        pairs = zip(call_each(batch, "cpu"), call_each(wanted, "cpu"), strict=True)
        for name, (one, other) in zip(batch._fields, pairs, strict=True):
            if not isinstance(one, torch.Tensor) or one.ndim != 4 or one.shape[1] not in (1, 3):
                assert_same(one, other)
                continue
            assert (one.dtype, one.shape, one.stride()) == (
                other.dtype,
                other.shape,
                other.stride(),
            )
            apart.setdefault(name, []).append(levels_apart(one, other))
    for name, parts in apart.items():
        levels = torch.cat(parts)
        assert levels.mean() < MEAN_LEVELS and (levels < SAMPLE_LEVELS).all(), (name, levels)


def levels_apart(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Mean difference of each two images (B, C, H, W), which may be divided by 0.2 * 255."""
    scale = 1 if one.dtype == torch.uint8 else 255 * 0.2
    return (one.double() - other.double()).abs().flatten(1).mean(1) * scale


def assert_served(place: dict[str, str], found: Any, expected: Any) -> None:
    """Lists of batches as this place makes them: all equal, but for the pixels of DALI."""
    check = assert_all_alike if place["engine"] == "dali" else assert_same
    check(found, expected)


def assert_made_again(place: Mapping[str, Any], found: Any, expected: Any) -> None:
    """Lists of batches that one place has made twice: equal, but for the pixels of a GPU's decoder.

    It decodes a part of each batch with another of its decoders, and which one is not told.
    """
    on_gpu = place["engine"] == "dali" and place.get("device", "cpu") != "cpu"
    check = assert_all_alike if on_gpu else assert_same
    check(list(found), list(expected))
