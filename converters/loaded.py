"""One image or mask file: read, decoded once, and brought to the form in which it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastdata.codecs import decode_image, decode_mask, encode_jpeg, encode_png, image_format
from fastdata.converters.paths import display, read_under
from fastdata.converters.resize import ResizeTo, resize_image, resize_mask
from fastdata.errors import InputError
from fastdata.schema import Field, Image, Mask

__all__ = ["Loaded", "load"]


@dataclass
class Loaded:
    """A file's bytes and its upright pixels.

    Attributes:
        path: As the item names it.
        data: The file's bytes, untouched.
        pixels: (height, width, channels) uint8 of an image, (height, width) ids of a mask.
    """

    path: str
    data: bytes
    pixels: np.ndarray[Any, Any]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width), upright."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def stored(self, field: Field, resize: ResizeTo | None) -> Any:
        """The value for `encode_sample`: the file's bytes where they can stay, else pixels.

        A mask's `pixels` are resized in place of the old ones, for the distance maps.
        """
        size = resize.size(*self.size) if resize else self.size
        if isinstance(field, Mask):
            return self._stored_mask(field, size)
        assert isinstance(field, Image)
        found = image_format(self.data)
        if size == self.size:
            untouched = field.codec in ("keep", found)
            return self.data if untouched else self.pixels
        self.pixels = resize_image(self.pixels, size)
        if field.codec != "keep":
            return self.pixels
        if found == "jpeg":
            return encode_jpeg(self.pixels, field.quality)
        return encode_png(self.pixels)

    def _stored_mask(self, field: Mask, size: tuple[int, int]) -> Any:
        untouched = size == self.size and self.pixels.dtype == np.dtype(field.dtype)
        if size != self.size:
            self.pixels = resize_mask(self.pixels, size)
        if untouched and field.codec == "png":
            return self.data
        if self.pixels.size and int(self.pixels.max()) <= np.iinfo(field.dtype).max:
            self.pixels = self.pixels.astype(field.dtype)
        return self.pixels


def load(root: str, path: str, field: Field, *, allow_outside: bool) -> Loaded:
    """Reads and decodes a file, so that a broken one is found now and not in training.

    Raises:
        UnsafeFile: It may not be read.
        InputError: It cannot be read or decoded; the message names it.
    """
    data = read_under(root, path, allow_outside=allow_outside)
    try:
        if isinstance(field, Mask):
            return Loaded(path, data, decode_mask(data))
        assert isinstance(field, Image)
        return Loaded(path, data, decode_image(data, field.channels))
    except InputError as error:
        raise type(error)(f"{display(path)}: {error}") from error
