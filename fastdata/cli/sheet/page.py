"""A sheet as one HTML file that needs no network, no script and no other file."""

from __future__ import annotations

from collections.abc import Iterable

from fastdata.cli.console import human_bytes
from fastdata.cli.overview import Balance, FieldOverview, PackOverview, extent
from fastdata.cli.sheet.records import Entry, Picture, Scale, Sheet, Swatch, Tile, Trace
from fastdata.webpage import document, escape, read_style

__all__ = ["render"]

# Beyond this a balance chart is longer than the sheet it introduces.
BARS = 40

CHARTS_NOTE = (
    "each feature has one scale on the whole sheet; the number is its value in the last row"
)

# Height of a picture in CSS pixels by the number of pictures a sample has; two samples of three
# pictures each then stand side by side on a laptop.
HEIGHTS = {1: 176, 2: 160}
SMALLEST_HEIGHT = 146

# Thumbnails smaller than this are enlarged with hard pixel edges, as in a pixel editor.
PIXELATED_BELOW = 96


def render(sheet: Sheet) -> str:
    """The page as text, to be written as UTF-8."""
    parts = (
        _header(sheet.overview, sheet.title),
        _balances(sheet.overview.balances),
        _rejects(sheet.overview),
        _keys(sheet),
        f'<main class="{_layout(sheet)}">{"".join(map(_tile, sheet.tiles))}</main>',
    )
    style = read_style(__package__, "page.css")
    return document(sheet.title, style=style, body="".join(parts))


def _header(seen: PackOverview, title: str) -> str:
    facts = (
        (f"{seen.count:,}", "samples"),
        (human_bytes(seen.data_bytes), seen.backend.upper()),
        (str(len(seen.fields)), "fields"),
        (f"{len(seen.rejects):,}", "rejected"),
    )
    cards = "".join(
        f"<div><b>{escape(value)}</b><span>{name}</span></div>" for value, name in facts
    )
    rows = "".join(map(_field_row, seen.fields))
    return (
        f'<header><h1>{escape(title)}</h1><p class="quiet">{escape(seen.source)}</p>'
        f'<div class="facts">{cards}</div></header><table><thead><tr><th>field<th>kind<th>stored as'
        f'<th class="number">bytes<th>size or range</thead>{rows}</table>'
    )


def _field_row(field: FieldOverview) -> str:
    return (
        f"<tr><th>{escape(field.name)}<td>{escape(field.kind)}<td>{escape(field.details)}"
        f'<td class="number">{human_bytes(field.stored_bytes)}<td>{escape(extent(field))}'
    )


def _balances(balances: Iterable[Balance]) -> str:
    parts = []
    for balance in balances:
        most = max(balance.counts, default=0) or 1
        shown = list(zip(balance.classes, balance.counts, strict=False))
        bars = "".join(
            f'<li><span>{escape(name)}</span><i style="--share:{count / most:.4f}"></i>'
            f"<b>{count:,}</b>"
            for name, count in shown[:BARS]
        )
        more = f'<p class="quiet">and {len(shown) - BARS} more</p>' if len(shown) > BARS else ""
        parts.append(
            f'<section class="balance"><h2>{escape(balance.field)}</h2><ul>{bars}</ul>{more}'
            "</section>"
        )
    return f'<div class="balances">{"".join(parts)}</div>' if parts else ""


def _rejects(seen: PackOverview) -> str:
    if not seen.rejects:
        return ""
    lines = "".join(f"<li>{escape(key)}: {escape(reason)}" for key, reason in seen.rejects[:BARS])
    return f"<details><summary>rejected: {len(seen.rejects):,}</summary><ul>{lines}</ul></details>"


def _keys(sheet: Sheet) -> str:
    """Legends and scales, which stay in sight while the tiles scroll."""
    parts = [_legend(name, swatches) for name, swatches in sheet.legends if swatches]
    parts += map(_scale, sheet.scales)
    if any(tile.traces for tile in sheet.tiles):
        parts.append(f"<small>{CHARTS_NOTE}</small>")
    if sheet.legends:
        parts.append(
            '<label class="switch"><input type="checkbox" id="masks" checked> masks</label>'
        )
    return f'<nav class="keys">{"".join(parts)}</nav>' if parts else ""


def _legend(name: str, swatches: Iterable[Swatch]) -> str:
    items = "".join(
        f'<span><i style="background:{swatch.colour or "transparent"}"></i>{escape(swatch.name)}'
        f" <small>{swatch.share:.1%}</small></span>"
        for swatch in swatches
    )
    return f'<div class="legend"><b>{escape(name)}</b>{items}</div>'


def _scale(scale: Scale) -> str:
    inside = " inside" if scale.low < 0 else ""
    return (
        f'<div class="scale"><b>{escape(scale.field)}</b><small>{scale.low:.0f}{inside}</small>'
        f'<i style="background:{scale.gradient}"></i><small>{scale.high:.0f} px</small></div>'
    )


def _layout(sheet: Sheet) -> str:
    if any(tile.traces for tile in sheet.tiles):
        return "tiles charts"
    alone = all(len(tile.pictures) < 2 for tile in sheet.tiles)
    return "tiles alone" if alone else "tiles"


def _tile(tile: Tile) -> str:
    parts = [
        _row(tile.pictures),
        f'<div class="traces">{"".join(map(_trace, tile.traces))}</div>' if tile.traces else "",
        f"<dl>{''.join(map(_entry, sorted(tile.entries, key=_is_long)))}</dl>",
        f'<p class="error">{escape(tile.error)}</p>' if tile.error else "",
    ]
    key = f'<p class="key" title="{escape(tile.key)}"><b>{tile.index}</b> {escape(tile.key)}</p>'
    shape = tile.pictures[0].width / tile.pictures[0].height if tile.pictures else 1.5
    return f'<article style="--ratio:{shape:.4f}">{"".join(parts)}{key}</article>'


def _row(pictures: tuple[Picture, ...]) -> str:
    if not pictures:
        return ""
    height = HEIGHTS.get(len(pictures), SMALLEST_HEIGHT)
    return f'<div class="row" style="--height:{height}px">{"".join(map(_picture, pictures))}</div>'


def _picture(picture: Picture) -> str:
    caption = escape(picture.caption)
    kind = ' class="pixels"' if max(picture.width, picture.height) < PIXELATED_BELOW else ""
    overlay = f'<img class="overlay" src="{picture.overlay}" alt="mask">' if picture.overlay else ""
    ratio = f"{picture.width / picture.height:.4f}"
    return (
        f'<figure{kind} style="--ratio:{ratio}"><div><img src="{picture.source}" alt="{caption}">'
        f"{overlay}</div><figcaption>{caption}</figcaption></figure>"
    )


def _trace(trace: Trace) -> str:
    return f"<span>{escape(trace.name)}</span>{trace.svg}<b>{escape(trace.last)}</b>"


def _is_long(entry: Entry) -> bool:
    return entry.long


def _entry(entry: Entry) -> str:
    kind = ' class="long"' if entry.long else ""
    return f"<div{kind}><dt>{escape(entry.name)}<dd>{escape(entry.value)}</div>"
