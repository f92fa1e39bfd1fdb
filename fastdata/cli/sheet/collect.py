"""Reads a few samples of a pack and makes the records of its contact sheet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.cli.overview import overview
from fastdata.cli.sheet import colours, values
from fastdata.cli.sheet.draft import Draft, draft
from fastdata.cli.sheet.pictures import distance_picture, mask_overlay, photo
from fastdata.cli.sheet.records import Picture, Scale, Sheet, Swatch, Tile
from fastdata.errors import FastDataError
from fastdata.packs import Pack
from fastdata.schema import DistanceMap, Mask, Schema

__all__ = ["collect"]

# The far end of a distance scale: remote corners should not leave all else in the first colours.
SPAN_PERCENTILE = 95


def collect(pack: Pack, *, samples: int, longest: int) -> Sheet:
    """The sheet of `samples` samples, spread evenly over the pack.

    A sample that cannot be read becomes a tile that says why.

    Args:
        pack: Any pack.
        samples: At most so many tiles.
        longest: Longest side of a thumbnail in pixels.
    """
    chosen = np.unique(np.linspace(0, len(pack) - 1, min(samples, len(pack))).round().astype(int))
    drafts = [_draft(pack, int(index), longest) for index in chosen]
    spans = _spans(pack.schema, drafts)
    ranges = values.feature_ranges(pack.schema, drafts)
    return Sheet(
        title=pack.path.name,
        overview=overview(pack),
        tiles=tuple(_tile(pack.schema, one, spans, ranges) for one in drafts),
        legends=tuple(
            (name, tuple(_swatches(field, [one.ids[name] for one in drafts if name in one.ids])))
            for name, field in pack.schema.items()
            if isinstance(field, Mask)
        ),
        scales=tuple(
            _scale(name, field, spans[name])
            for name, field in pack.schema.items()
            if isinstance(field, DistanceMap)
        ),
    )


def _draft(pack: Pack, index: int, longest: int) -> Draft:
    try:
        return draft(pack.schema, pack[index], index=index, key=pack.key(index), longest=longest)
    except FastDataError as error:
        return Draft(index=index, key=f"sample {index}", error=str(error))


def _spans(schema: Schema, drafts: Iterable[Draft]) -> dict[str, float]:
    """Distance of the last colour of each distance map, in pixels."""
    spans = {}
    for name, field in schema.items():
        if isinstance(field, DistanceMap):
            shown = [
                np.abs(one.distances[name][1]).ravel() for one in drafts if name in one.distances
            ]
            far = float(np.percentile(np.concatenate(shown), SPAN_PERCENTILE)) if shown else 1.0
            spans[name] = max(far, 1.0)
    return spans


def _scale(name: str, field: DistanceMap, span: float) -> Scale:
    signed = field.form == "signed"
    low = -span if signed else 0.0
    return Scale(field=name, gradient=colours.gradient(signed=signed), low=low, high=span)


def _tile(
    schema: Schema, one: Draft, spans: dict[str, float], ranges: dict[str, values.Ranges]
) -> Tile:
    return Tile(
        index=one.index,
        key=one.key,
        pictures=tuple(_pictures(schema, one, spans)),
        traces=tuple(values.traces(schema, one, ranges)),
        entries=tuple(values.entries(schema, one.words)),
        error=one.error,
    )


def _pictures(schema: Schema, one: Draft, spans: dict[str, float]) -> Iterable[Picture]:
    covered = next(iter(one.photos), None) if one.ids else None
    for name, small in one.photos.items():
        if name != covered:
            yield _picture(name, photo(small), small)
    for name, ids in one.ids.items():
        field = schema[name]
        assert isinstance(field, Mask)
        below = one.photos.get(covered or "", np.full(ids.shape, 128, np.uint8))
        caption = f"{covered} + {name}" if covered else name
        overlay = mask_overlay(ids, colours.class_colours(_class_count(field, [ids])))
        yield _picture(caption, photo(below), below, overlay=overlay)
    for name, (caption, distances) in one.distances.items():
        field = schema[name]
        signed = isinstance(field, DistanceMap) and field.form == "signed"
        source = distance_picture(distances, span=spans[name], signed=signed)
        yield _picture(caption, source, distances)


def _picture(caption: str, source: str, small: NDArray[Any], *, overlay: str = "") -> Picture:
    height, width = small.shape[:2]
    return Picture(caption=caption, source=source, overlay=overlay, width=width, height=height)


def _swatches(field: Mask, shown: list[NDArray[Any]]) -> Iterable[Swatch]:
    """The classes that the shown masks hold, commonest first."""
    total = max(sum(ids.size for ids in shown), 1)
    count = _class_count(field, shown)
    palette = colours.class_colours(count)
    pixels = sum((np.bincount(ids.ravel(), minlength=65536) for ids in shown), np.zeros(65536, int))
    for class_id in np.argsort(-pixels, kind="stable"):
        if not pixels[class_id]:
            return
        name = field.classes[class_id] if class_id < len(field.classes) else f"class {class_id}"
        share = float(pixels[class_id] / total)
        if class_id == field.ignore_index:
            yield Swatch(name="ignored", colour="", share=share)
        else:
            yield Swatch(name=name, colour=colours.css(palette[class_id]), share=share)


def _class_count(field: Mask, shown: list[NDArray[Any]]) -> int:
    """How many ids get a colour; the ignored one gets none when it lies beyond the classes."""
    if field.classes:
        return len(field.classes)
    ids = [int(mask[mask != field.ignore_index].max(initial=0)) for mask in shown]
    return max(ids, default=0) + 1
