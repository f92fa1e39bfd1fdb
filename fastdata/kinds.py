"""The kinds of fields: how each is stored, and what shape and type its values have.

A kind decides how its values lie on disk (``Field.storage``):

* ``column``: one small value a sample, one array for the whole pack, read when the pack is opened;
* ``rows``: arrays of one fixed shape, so that a batch is one gather;
* ``records``: bytes of any length, one record a sample;
* ``series``: one long array of which every sample is a window.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

__all__ = [
    "KINDS",
    "Array",
    "Bytes",
    "DistanceMap",
    "Field",
    "Image",
    "Label",
    "Mask",
    "Scalar",
    "Text",
    "Window",
]

Storage = Literal["column", "rows", "records", "series"]
Size = tuple[int, int]

# Up to this many bytes a sample, an array is cheaper to keep in memory for the whole pack than to
# look up.
COLUMN_BYTES = 64


@dataclass(frozen=True, kw_only=True)
class Field:
    """One named part of a sample; see the subclasses."""

    kind: ClassVar[str]
    spatial: ClassVar[bool] = False

    @property
    def storage(self) -> Storage:
        """How the values lie on disk."""
        return "records"

    @property
    def item_shape(self) -> tuple[int, ...] | None:
        """Shape of one decoded value, or None when it varies from sample to sample."""
        return None

    @property
    def item_dtype(self) -> np.dtype[Any]:
        """Type of one stored value, always little-endian."""
        raise TypeError(f"a field of kind {self.kind!r} holds no array")

    def to_json(self) -> dict[str, Any]:
        """The field as plain JSON values, the inverse of `Schema.from_json`."""
        return {"kind": self.kind} | dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class _Typed(Field):
    """A field that says in which NumPy type its values are stored."""

    dtype: str = "float32"

    @property
    def item_dtype(self) -> np.dtype[Any]:
        return np.dtype(self.dtype).newbyteorder("<")


@dataclass(frozen=True, kw_only=True)
class _Spatial(Field):
    """A field with pixels: geometry applies to it, and its size may be the same for all samples."""

    spatial: ClassVar[bool] = True
    shape: Size | None = None
    codec: str = "raw"

    @property
    def storage(self) -> Storage:
        return "rows" if self.codec == "raw" and self.shape is not None else "records"


@dataclass(frozen=True, kw_only=True)
class Image(_Spatial):
    """Pixels, decoded to uint8 (height, width, channels), 0..255, upright (EXIF applied).

    Attributes:
        channels: 3 for RGB, 1 for grayscale; other colour spaces are converted as Pillow converts
            them.
        codec: "keep" stores source bytes (JPEG or PNG) untouched; "jpeg-fast" rewrites JPEGs
            without any loss so that crops of them are read without the rest, and stores PNGs
            untouched and arrays as JPEGs; "jpeg", "png" and "raw" re-encode.
        shape: (height, width) when every sample has it, else None.
        quality: JPEG quality 1..100 when an array is encoded as JPEG.
    """

    kind: ClassVar[str] = "image"
    codec: Literal["keep", "jpeg-fast", "jpeg", "png", "raw"] = "keep"
    channels: Literal[1, 3] = 3
    quality: int = 95

    @property
    def item_shape(self) -> tuple[int, ...] | None:
        return None if self.shape is None else (*self.shape, self.channels)

    @property
    def item_dtype(self) -> np.dtype[Any]:
        return np.dtype("u1")


@dataclass(frozen=True, kw_only=True)
class Mask(_Spatial, _Typed):
    """Class ids, decoded to (height, width); stored without loss and never rescaled in value.

    Attributes:
        codec: "png" (smallest), or "raw" (fastest).
        classes: Class names in the order of their ids; empty when unknown.
        dtype: "uint8" for ids 0..255, "uint16" for ids 0..65535.
        shape: (height, width) when every sample has it, else None.
        ignore_index: The id of pixels that belong to no class, or None.
    """

    kind: ClassVar[str] = "mask"
    codec: Literal["png", "raw"] = "png"
    classes: tuple[str, ...] = ()
    dtype: Literal["uint8", "uint16"] = "uint8"
    ignore_index: int | None = None

    @property
    def item_shape(self) -> tuple[int, ...] | None:
        return self.shape


@dataclass(frozen=True, kw_only=True)
class DistanceMap(_Spatial, _Typed):
    """Distances in pixels computed from a mask at conversion; decoded to float32.

    ``distance = (stored - zero) * scale``; storing distance 0 as `zero` lets signed distances fit
    an unsigned type.

    Attributes:
        form: "boundary" decodes to (height, width), the distance to the nearest class boundary, >=
            0; "signed" to (classes, height, width), negative inside the class.
        of: Name of the mask field it was computed from.
        dtype: Stored type, "uint8" or "float16".
        scale: Pixels a stored unit.
        zero: Stored value of distance 0.
        truncate: Distances are clipped to +-truncate pixels, or None.
        classes: Number of classes, for "signed"; 0 otherwise.
        shape: (height, width) when every sample has it, else None.
    """

    kind: ClassVar[str] = "distance"
    codec: Literal["raw"] = "raw"
    form: Literal["boundary", "signed"] = "boundary"
    of: str = "mask"
    dtype: Literal["uint8", "float16"] = "float16"
    scale: float = 1.0
    zero: int = 0
    truncate: float | None = None
    classes: int = 0

    @property
    def item_shape(self) -> tuple[int, ...] | None:
        if self.shape is None:
            return None
        return (self.classes, *self.shape) if self.form == "signed" else self.shape


@dataclass(frozen=True, kw_only=True)
class Array(_Typed):
    """A numeric array of one fixed shape, returned as stored."""

    kind: ClassVar[str] = "array"
    shape: tuple[int, ...]

    @property
    def storage(self) -> Storage:
        nbytes = math.prod(self.shape) * self.item_dtype.itemsize
        return "column" if nbytes <= COLUMN_BYTES else "rows"

    @property
    def item_shape(self) -> tuple[int, ...]:
        return self.shape


@dataclass(frozen=True, kw_only=True)
class Scalar(_Typed):
    """One number a sample, such as a regression target."""

    kind: ClassVar[str] = "scalar"

    @property
    def storage(self) -> Storage:
        return "column"

    @property
    def item_shape(self) -> tuple[int, ...]:
        return ()


@dataclass(frozen=True, kw_only=True)
class Label(Field):
    """One class id a sample, 0..len(classes)-1, stored and batched as int64.

    Attributes:
        classes: Class names in the order of their ids; empty when unknown.
    """

    kind: ClassVar[str] = "label"
    classes: tuple[str, ...] = ()

    @property
    def storage(self) -> Storage:
        return "column"

    @property
    def item_shape(self) -> tuple[int, ...]:
        return ()

    @property
    def item_dtype(self) -> np.dtype[Any]:
        return np.dtype("<i8")


@dataclass(frozen=True, kw_only=True)
class Text(Field):
    """A string, stored as UTF-8."""

    kind: ClassVar[str] = "text"


@dataclass(frozen=True, kw_only=True)
class Bytes(Field):
    """Bytes of any length and meaning, stored as they are."""

    kind: ClassVar[str] = "bytes"


@dataclass(frozen=True, kw_only=True)
class Window(_Typed):
    """`length` consecutive rows of one series for all samples, (length, len(features)).

    Attributes:
        length: Rows in a window.
        features: Names of the series' columns, in order.
        dtype: Type of the series.
        categories: For each class-coded feature, its values in the order of their codes.
    """

    kind: ClassVar[str] = "window"
    length: int
    features: tuple[str, ...]
    categories: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def storage(self) -> Storage:
        return "series"

    @property
    def item_shape(self) -> tuple[int, ...]:
        return (self.length, len(self.features))


KINDS: dict[str, type[Field]] = {
    cls.kind: cls for cls in (Image, Mask, DistanceMap, Array, Scalar, Label, Text, Bytes, Window)
}
