"""The folder that a profile leaves: for machines, for a browser, and for a trace viewer."""

from __future__ import annotations

from pathlib import Path

from fastdata.profiling.record import Profile
from fastdata.profiling.record.store import dump_profile, write_whole
from fastdata.profiling.rendering.html import render
from fastdata.profiling.rendering.trace import dump_trace

__all__ = ["HTML", "JSON", "TRACE", "write_report"]

JSON, HTML, TRACE = "report.json", "report.html", "trace.json"


def write_report(profile: Profile, folder: Path) -> tuple[Path, ...]:
    """Writes all three files; each is whole, or the one that was there before.

    Args:
        profile: Any.
        folder: Is made where it is not there.

    Returns:
        Their paths.

    Raises:
        StorageError: The disk said no; then nothing in the folder has changed.
    """
    texts = {
        folder / JSON: dump_profile(profile),
        folder / HTML: render(profile),
        folder / TRACE: dump_trace(profile),
    }
    write_whole(texts)
    return tuple(texts)
