"""Which codec a conversion stores its images with, where that is left to it."""

from __future__ import annotations

from dataclasses import replace

from fastdata.codecs import can_transcode
from fastdata.codecs.jpeg_transcode import REMEDY
from fastdata.converters.options import ConvertOptions
from fastdata.converters.source import Source
from fastdata.errors import UsageError
from fastdata.schema import Image

__all__ = ["check_codec", "with_codec"]


def check_codec(options: ConvertOptions) -> None:
    """Refuses a codec that cannot work here, before anything is read.

    Raises:
        UsageError: "jpeg-fast" is asked for without the compiled core.
    """
    if options.codec == "jpeg-fast" and not can_transcode():
        raise UsageError(f"codec is 'jpeg-fast' (--codec), which {REMEDY}")


def with_codec(options: ConvertOptions, source: Source) -> tuple[ConvertOptions, tuple[str, ...]]:
    """The options with a codec in place of "auto", and a note where it is not the best one."""
    if options.codec != "auto":
        return options, ()
    if can_transcode():
        return replace(options, codec="jpeg-fast"), ()
    has_images = any(isinstance(field, Image) for field in source.fields.values())
    note = f"images are stored as they are: codec jpeg-fast, the default, {REMEDY}"
    return replace(options, codec="keep"), (note,) if has_images else ()
