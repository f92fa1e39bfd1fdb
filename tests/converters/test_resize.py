"""The size rules and the pixels that they make."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import picture
from PIL import Image

from fastdata.converters.resize import parse_resize, resize_image, resize_mask
from fastdata.errors import UsageError


@pytest.mark.parametrize(
    ("rule", "size", "wanted"),
    [
        ("longest:512", (1024, 768), (512, 384)),
        ("longest:512", (100, 513), (99, 512)),
        ("longest:512", (512, 300), (512, 300)),
        ("longest:10", (1, 1000), (1, 10)),
        ("shortest:256", (1024, 768), (341, 256)),
        ("shortest:256", (200, 900), (200, 900)),
        ("exact:128x64", (10, 10), (128, 64)),
    ],
)
def test_sizes(rule: str, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    assert parse_resize(rule).size(*size) == wanted


@pytest.mark.parametrize(
    "text", ["", "512", "longest", "longest:0", "longest:-1", "exact:128", "exact:0x5", "wide:3",
             "longest:512 ", "exact:99999x1", "longest:\u0663"]
)  # fmt: skip
def test_anything_else_is_refused_with_the_three_forms(text: str) -> None:
    with pytest.raises(UsageError, match="expected longest:512, shortest:256 or exact:128x128"):
        parse_resize(text)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_resized_as_pillow_does_with_antialiasing(channels: int) -> None:
    pixels = picture(60, 80, channels)
    image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    wanted = np.asarray(image.resize((23, 17), Image.Resampling.BILINEAR)).reshape(17, 23, channels)
    np.testing.assert_array_equal(resize_image(pixels, (17, 23)), wanted)


@given(*[st.integers(1, 40)] * 4)
def test_masks_take_the_nearest_pixel_as_pillow_does(
    height: int, width: int, new_height: int, new_width: int
) -> None:
    ids = np.random.default_rng(height * 41 + width).integers(0, 256, (height, width), np.uint8)
    wanted = Image.fromarray(ids).resize((new_width, new_height), Image.Resampling.NEAREST)
    np.testing.assert_array_equal(resize_mask(ids, (new_height, new_width)), np.asarray(wanted))


def test_16_bit_ids_survive() -> None:
    ids = np.array([[0, 40_000], [65_535, 7]], np.uint16)
    np.testing.assert_array_equal(resize_mask(ids, (4, 4)), ids.repeat(2, 0).repeat(2, 1))
