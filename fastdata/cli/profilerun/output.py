"""What ``fastdata profile`` leaves behind: the report's files, and the card on stderr."""

from __future__ import annotations

from pathlib import Path

from fastdata.cli import console
from fastdata.cli.profilerun.card import print_card
from fastdata.profiling.record import Profile
from fastdata.profiling.rendering.report import write_report

__all__ = ["show"]


def show(profile: Profile, *, out: Path, json: bool) -> None:
    """Writes the report and prints the card.

    Args:
        profile: What was measured.
        out: Folder for the report.
        json: Print the report on stdout as well.
    """
    written = write_report(profile, out)
    print_card(profile)
    console.note(f"report: {', '.join(map(str, written))}")
    if json:
        console.print_json(profile)
