"""JPEGs that can be cropped without being decoded, made from any other ones without any loss."""

from __future__ import annotations

from typing import Final

from fastdata.codecs.sniff import image_format
from fastdata.errors import InputError, UsageError
from fastdata.native.extension import compiled

__all__ = ["REMEDY", "can_transcode", "transcode_jpeg"]

Data = bytes | bytearray | memoryview

# Segments of 32 to 64 pixels gave the quickest crops of photographs (within 2 %) and 48 the fewest
# bytes among them: +1.4 % for files of 110 KB on average, 76 % of which have chroma of full size;
# benchmarks/restart_interval.py has the figures.
SEGMENT_WIDTH: Final = 48


# What every message about a missing core goes on with.
REMEDY: Final = (
    "needs the compiled core, which is switched off or was not built; 'keep' stores JPEGs as they "
    "are, and FASTDATA_NATIVE=require says why there is no core"
)


def can_transcode() -> bool:
    """Whether the compiled core is here, which transcoding needs."""
    return compiled() is not None


def transcode_jpeg(data: Data, *, segment_width: int = SEGMENT_WIDTH) -> bytes:
    """The same picture as an ordinary baseline JPEG with restart markers, for `crop_jpeg`.

    The quantised coefficients are untouched, so the result decodes to the same pixels, bit for bit.
    Huffman tables are optimised and progressive files become baseline.

    Metadata are left out (EXIF with its thumbnails, XMP, colour profiles, comments), because no
    decoder here looks at them; but an orientation, from EXIF or else XMP, is kept as EXIF, and so
    is what tells the colour space (JFIF, Adobe).

    A picture that could not stay the same comes back untouched: a progressive file that ends before
    its last refinement, which decoders smooth, and tables that change between scans.

    Safe to call from many threads; the GIL is released.

    Args:
        data: A JPEG file.
        segment_width: The most pixels between two restart markers: their interval is the largest
            divisor of the units in a row (MCUs, 8 to 32 pixels wide) that is not wider, or else one
            unit. Narrower segments make smaller crops and longer files.

    Raises:
        InputError: No JPEG, a damaged one (also where libjpeg only warns), an unsupported one, or
            one over the default `Limits`.
        UsageError: There is no compiled core, or the width is below 1.
    """
    if segment_width < 1:
        raise UsageError(f"segment_width {segment_width}; expected 1 pixel or more")
    if image_format(data) != "jpeg":
        raise InputError("the image is a PNG; expected a JPEG; encode it as JPEG first")
    core = compiled()
    if core is None:
        raise UsageError(f"transcoding a JPEG {REMEDY}")
    transcoded = core.transcode_jpeg(data, segment_width)
    return bytes(data) if transcoded is None else transcoded
