"""Which schemas a pack can hold."""

from __future__ import annotations

import math

from fastdata.codecs import can_transcode
from fastdata.codecs.jpeg_transcode import REMEDY
from fastdata.errors import UsageError
from fastdata.schema import Array, DistanceMap, Field, Image, Mask, Scalar, Schema, Window

__all__ = ["check_storable", "check_writable"]

CODECS: dict[type[Field], tuple[str, ...]] = {
    Image: ("keep", "jpeg-fast", "jpeg", "png", "raw"),
    Mask: ("png", "raw"),
    DistanceMap: ("raw",),
}
# An LMDB key has at most 511 bytes, of which "index/" and "/length" or "/0000000007" take some.
MAX_NAME_BYTES = 480
RESERVED = ("manifest",)


def check_storable(schema: Schema) -> None:
    """Refuse fields that neither backend could store.

    Raises:
        UsageError: There is one; the message names it.
    """
    for name, field in schema.items():
        if name in RESERVED or len(name.encode()) > MAX_NAME_BYTES:
            raise UsageError(
                f"field name {name[:40]!r} is reserved or longer than {MAX_NAME_BYTES} bytes; "
                "choose another name"
            )
        wrong = _fault(field)
        if wrong:
            raise UsageError(f"field {name!r} {wrong}")


def check_writable(schema: Schema) -> None:
    """Refuse fields that cannot be stored here and now.

    Raises:
        UsageError: As `check_storable`; or a codec needs the compiled core, which is not here.
    """
    check_storable(schema)
    for name, field in schema.items():
        if isinstance(field, Image) and field.codec == "jpeg-fast" and not can_transcode():
            raise UsageError(f"field {name!r} has codec 'jpeg-fast', which {REMEDY}")


def _fault(field: Field) -> str:
    codecs = CODECS.get(type(field))
    codec = getattr(field, "codec", "")
    if codecs is not None and codec not in codecs:
        return f"has codec {codec!r}; expected one of {codecs}"
    if isinstance(field, Image) and field.channels not in (1, 3):
        return f"has {field.channels!r} channels; expected 1 or 3"
    if isinstance(field, DistanceMap) and field.form == "signed" and field.classes < 1:
        return "is a signed distance map of no classes; give the number of classes"
    if isinstance(field, Array | Scalar | Window | Mask | DistanceMap):
        try:
            kind = field.item_dtype.kind
        except TypeError as error:
            return f"has a type that NumPy does not know ({error})"
        if kind not in "biuf":
            return f"holds {field.item_dtype}; expected numbers or bool"
    shape = field.item_shape
    if shape is not None and not all(isinstance(side, int) and side >= 0 for side in shape):
        return f"has shape {shape}; expected whole numbers from 0 up"
    if shape is not None and field.storage != "column" and math.prod(shape) == 0:
        return f"has shape {shape}, which holds nothing"
    return ""
