"""Completes the draft of a schema with what the scan found and what the options say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastdata.converters.options import ConvertOptions
from fastdata.converters.resize import parse_resize
from fastdata.converters.scan import Findings
from fastdata.converters.source import Source
from fastdata.distance import distance_field
from fastdata.errors import InputError, UsageError
from fastdata.schema import DistanceMap, Field, Image, Mask, Schema

__all__ = ["check_scale", "complete_schema"]

# The id that most datasets give to pixels of no class.
_VOID = 255


def complete_schema(source: Source, found: Findings, options: ConvertOptions) -> Schema:
    """The schema of the pack.

    Raises:
        UsageError: Distance maps are asked for where there is no mask.
    """
    fields: dict[str, Field] = {}
    for name, entry in source.fields.items():
        if isinstance(entry, Image):
            shape = _shape(name, found, options)
            image_codec: Any = options.codec
            entry = replace(entry, codec=image_codec, quality=options.quality, shape=shape)
        elif isinstance(entry, Mask):
            codec: Any = "raw" if options.codec == "raw" else "png"
            mask = with_classes(entry, found.ids.get(name, set()), options)
            entry = replace(mask, codec=codec, shape=_shape(name, found, options))
        fields[name] = entry
        if isinstance(entry, Mask) and not any(isinstance(f, DistanceMap) for f in fields.values()):
            fields |= _distance_fields(name, entry, source.fields, options)
    if options.distance_maps and not any(isinstance(f, Mask) for f in fields.values()):
        raise UsageError(
            f"distance_maps are computed from masks, and the {source.layout} layout found none; "
            "leave them out, or choose another layout"
        )
    return Schema(fields)


def _distance_fields(
    of: str, mask: Mask, others: Mapping[str, Field], options: ConvertOptions
) -> dict[str, Field]:
    made: dict[str, Field] = {}
    for form in dict.fromkeys(options.distance_maps):
        name = form if form not in others else f"{of}_{form}"
        classes = len(mask.classes) if form == "signed" else 0
        kind: Any = form
        made[name] = distance_field(
            kind,
            of=of,
            dtype=options.distance_dtype,
            truncate=options.truncate,
            classes=classes,
            shape=mask.shape,
        )
    return made


def with_classes(mask: Mask, ids: set[int], options: ConvertOptions) -> Mask:
    """The mask field with its classes, ignored id and type, as found or told."""
    names = options.class_names
    ignore = options.ignore_index
    if ignore == "auto":
        others = max(ids - {_VOID}, default=0)
        void = _VOID in ids and others < _VOID - 1 if names is None else len(names) <= _VOID
        ignore = _VOID if void else None
    if names is None:
        names = tuple(str(number) for number in range(max(ids - {ignore}, default=0) + 1))
    largest = max(len(names) - 1, ignore or 0)
    dtype: Any = "uint8" if largest <= _VOID else "uint16"
    return replace(mask, classes=names, ignore_index=ignore, dtype=dtype)


def check_scale(source: Source, found: Findings, options: ConvertOptions) -> int | None:
    """The factor that pairs must have, found or told; None for other layouts.

    Raises:
        InputError: No pair has a whole factor.
        UsageError: Pairs of different sizes are to be resized.
    """
    scale = source.scale or found.scale
    if source.scale is None:
        return None
    if scale is None:
        raise InputError(
            "no pair has a high-quality image that is a whole number of times its low-quality "
            f"partner's size ({found.unscaled or 'none can be read'}; height x width); check that "
            "the two folders are not swapped"
        )
    if scale != 1 and options.resize is not None:
        raise UsageError(
            f"resize would give both images of a pair one size, but they differ by a factor of "
            f"{scale}; leave resize out"
        )
    return scale


def _shape(name: str, found: Findings, options: ConvertOptions) -> tuple[int, int] | None:
    """The one size that all samples have, where there is one."""
    resize = parse_resize(options.resize) if options.resize else None
    if resize is not None and resize.rule == "exact":
        return resize.height, resize.width
    return found.shapes.get(name)
