"""``fastdata inspect``: what is in a pack, in the terminal, as JSON or as a contact sheet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fastdata.cli import console
from fastdata.cli.options import DebugOption, JsonOption, PackArgument
from fastdata.cli.overview import Balance, FieldOverview, PackOverview, extent, overview
from fastdata.cli.sheet import write_sheet
from fastdata.packs import open_pack

__all__ = ["EXAMPLES", "HELP", "run"]

HELP = """\
Show what is in a pack: fields, sizes, class balance; draw a contact sheet.

The sheet is one HTML file without script or network: pictures with their masks laid over, distance
maps in colours, windows as line charts, labels and numbers below.
"""

EXAMPLES = """\
[bold]Examples[/bold]

  fastdata inspect photos.lmdb
  fastdata inspect camvid.h5 --html sheet.html --samples 24
  fastdata inspect photos.lmdb --json
"""

# Lines of one balance chart; a thousand classes would bury the rest.
BARS = 30
BAR_COLUMNS = 32
REJECTS = 10


def run(
    pack: PackArgument,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write a contact sheet to this file.", metavar="FILE"),
    ] = None,
    samples: Annotated[
        int,
        typer.Option("--samples", help="Pictures on the sheet, spread evenly.", min=1, max=1000),
    ] = 48,
    thumbnail: Annotated[
        int,
        typer.Option("--thumbnail", help="Longest side of a picture, pixels.", min=16, max=1024),
    ] = 320,
    json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001
) -> None:
    """Prints the overview of `pack` and writes its contact sheet."""
    with open_pack(pack) as opened:
        seen = overview(opened)
        if html is not None:
            write_sheet(opened, html, samples=samples, longest=thumbnail)
    if json:
        console.print_json(seen)
    else:
        _print(seen)
    if html is not None:
        console.note(f"contact sheet: {html} ({console.human_bytes(html.stat().st_size)})")


def _print(seen: PackOverview) -> None:
    out = console.stdout()
    console.print_facts(_facts(seen))
    out.print()
    out.print(_fields(seen.fields))
    for balance in seen.balances:
        out.print()
        out.print(_bars(balance, out))
    for key, reason in seen.rejects[:REJECTS]:
        out.print(console.printable(f"rejected {key}: {reason}"))
    if len(seen.rejects) > REJECTS:
        out.print(f"... and {len(seen.rejects) - REJECTS:,} more rejected; see --json")


def _facts(seen: PackOverview) -> Iterator[tuple[str, str]]:
    yield "pack", str(seen.path)
    yield "format", f"{seen.backend}, version {seen.format_version}, by {seen.created_by}"
    yield "samples", f"{seen.count:,}, {console.human_bytes(seen.data_bytes)}"
    yield "source", seen.source or "not recorded"
    chosen = [f"{name}={value}" for name, value in seen.options.items() if value]
    if chosen:
        yield "options", ", ".join(chosen)
    if seen.rejects:
        yield "rejected", f"{len(seen.rejects):,}"


def _fields(fields: tuple[FieldOverview, ...]) -> Table:
    table = Table(box=console.BOX, header_style="bold")
    for name in ("field", "kind", "stored as"):
        table.add_column(name, overflow="fold")
    table.add_column("bytes", justify="right", no_wrap=True)
    table.add_column("size or range", overflow="fold")
    for field in fields:
        size = console.human_bytes(field.stored_bytes)
        table.add_row(field.name, field.kind, field.details, size, extent(field))
    return table


def _bars(balance: Balance, out: Console) -> Table:
    """A bar a class; drawn with "#" where the console has no block character."""
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="ellipsis", no_wrap=True, max_width=30)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_row(Text(balance.field, style="bold"), Text("samples", style="bold"), "")
    most = max(balance.counts, default=0) or 1
    block = "#" if out.options.ascii_only else "█"
    pairs = list(zip(balance.classes, balance.counts, strict=True))
    for name, count in pairs[:BARS]:
        bar = Text(block * max(bool(count), round(BAR_COLUMNS * count / most)), style="cyan")
        table.add_row(console.printable(name), f"{count:,}", bar)
    if len(pairs) > BARS:
        table.add_row(f"and {len(pairs) - BARS} more classes", "", "")
    return table
