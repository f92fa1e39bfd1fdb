"""One image or mask file: read, checked, and brought to the form in which it is stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastdata.codecs import (
    decode_mask,
    decode_strictly,
    encode_jpeg,
    encode_png,
    image_format,
    probe,
    transcode_jpeg,
)
from fastdata.converters.paths import display, read_under
from fastdata.converters.resize import ResizeTo, resize_image, resize_mask
from fastdata.errors import InputError
from fastdata.schema import Field, Image, Mask

__all__ = ["Loaded", "load"]


@dataclass
class Loaded:
    """A file's bytes, and of a mask its upright ids.

    Attributes:
        path: As the item names it.
        data: The file's bytes, untouched.
        size: (height, width), upright.
        ids: (height, width) of a mask; empty for an image.
    """

    path: str
    data: bytes
    size: tuple[int, int]
    ids: np.ndarray[Any, Any]

    def stored(self, field: Field, resize: ResizeTo | None) -> Any:
        """The value for `encode_sample`: bytes that are checked, and transcoded, or else pixels.

        A mask's `ids` are resized in place of the old ones, for the distance maps.

        Raises:
            InputError: The file cannot be decoded; the message names it.
        """
        size = resize.size(*self.size) if resize else self.size
        with _naming(self.path):
            if isinstance(field, Mask):
                return self._stored_mask(field, size)
            assert isinstance(field, Image)
            return self._stored_image(field, size)

    def _stored_image(self, field: Image, size: tuple[int, int]) -> Any:
        found = image_format(self.data)
        transcodes = field.codec == "jpeg-fast" and found == "jpeg"
        if transcodes and size == self.size:
            return transcode_jpeg(self.data)
        pixels = decode_strictly(self.data, field.channels)
        if size == self.size:
            return self.data if field.codec in ("keep", "jpeg-fast", found) else pixels
        pixels = resize_image(pixels, size)
        if field.codec not in ("keep", "jpeg-fast"):
            return pixels
        if found == "png":
            return encode_png(pixels)
        encoded = encode_jpeg(pixels, field.quality)
        return transcode_jpeg(encoded) if transcodes else encoded

    def _stored_mask(self, field: Mask, size: tuple[int, int]) -> Any:
        untouched = size == self.size and self.ids.dtype == np.dtype(field.dtype)
        if size != self.size:
            self.ids = resize_mask(self.ids, size)
        if untouched and field.codec == "png":
            return self.data
        if self.ids.size and int(self.ids.max()) <= np.iinfo(field.dtype).max:
            self.ids = self.ids.astype(field.dtype)
        return self.ids


def load(root: str, path: str, field: Field, *, allow_outside: bool) -> Loaded:
    """Reads a file, decodes a mask, and looks at an image's header.

    Raises:
        UnsafeFile: It may not be read.
        InputError: It cannot be read, or decoded; the message names it.
    """
    data = read_under(root, path, allow_outside=allow_outside)
    with _naming(path):
        if isinstance(field, Mask):
            ids = decode_mask(data)
            return Loaded(path, data, (ids.shape[0], ids.shape[1]), ids)
        header = probe(data)
        return Loaded(path, data, (header.height, header.width), np.empty((0, 0), np.uint8))


@contextmanager
def _naming(path: str) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise type(error)(f"{display(path)}: {error}") from error
