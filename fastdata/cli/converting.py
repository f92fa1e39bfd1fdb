"""A conversion with its progress on stderr, for the commands that convert."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastdata.cli.progress import Meter
from fastdata.converters import ConversionSummary, Progress, convert

__all__ = ["convert_showing"]

PHASES = {
    "scan": "looking at the sizes",
    "build": "writing the pack",
    "check": "checking the pack",
}


def convert_showing(source: Path, out: Path, **settings: Any) -> ConversionSummary:
    """Converts as `fastdata.convert` does, and shows where it stands.

    Args:
        source: What to convert.
        out: The pack to make.
        **settings: Fields of `ConvertOptions`.
    """
    with Meter("converting", unit="samples") as meter:
        return convert(source, out, progress=lambda state: _show(meter, state), **settings)


def _show(meter: Meter, state: Progress) -> None:
    rejected = f"{state.rejected:,} rejected" if state.rejected else ""
    meter.update(state.done, state.total, PHASES.get(state.phase, rejected))
