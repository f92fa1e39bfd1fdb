"""What a contact sheet shows, before it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from fastdata.cli.overview import PackOverview

__all__ = ["Entry", "Picture", "Scale", "Sheet", "Swatch", "Tile", "Trace"]


@dataclass(frozen=True)
class Swatch:
    """One line of a colour legend.

    Attributes:
        name: The class.
        colour: As CSS, or "" for pixels that are left uncoloured.
        share: Share of the shown masks' pixels, 0..1.
    """

    name: str
    colour: str
    share: float


@dataclass(frozen=True)
class Scale:
    """The colour scale of one distance map field.

    Attributes:
        field: Its name.
        gradient: CSS gradient from `low` to `high`.
        low: Distance in pixels at the left end.
        high: Distance in pixels at the right end.
    """

    field: str
    gradient: str
    low: float
    high: float


@dataclass(frozen=True)
class Picture:
    """One picture of a tile.

    Attributes:
        caption: The field's name, and more where needed.
        source: ``data:`` URI.
        overlay: ``data:`` URI of a transparent picture of the same size, or "".
        width: In CSS pixels, as embedded.
        height: In CSS pixels, as embedded.
    """

    caption: str
    source: str
    overlay: str
    width: int
    height: int


@dataclass(frozen=True)
class Trace:
    """One feature of a window as a line chart.

    Attributes:
        name: The feature.
        svg: The chart.
        last: The window's last value, as text.
    """

    name: str
    svg: str
    last: str


@dataclass(frozen=True)
class Entry:
    """A value written in words under the pictures: a label, number, text or array.

    Attributes:
        name: The field.
        value: In words.
        long: It needs lines of its own.
    """

    name: str
    value: str
    long: bool = False


@dataclass(frozen=True)
class Tile:
    """One sample.

    Attributes:
        index: Its place in the pack.
        key: Its source name.
        error: Why it cannot be shown, or "".
    """

    index: int
    key: str
    pictures: tuple[Picture, ...] = ()
    traces: tuple[Trace, ...] = ()
    entries: tuple[Entry, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Sheet:
    """Everything on the page."""

    title: str
    overview: PackOverview
    tiles: tuple[Tile, ...]
    legends: tuple[tuple[str, tuple[Swatch, ...]], ...]
    scales: tuple[Scale, ...]
