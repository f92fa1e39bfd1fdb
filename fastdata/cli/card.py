"""A profile as a few lines on stderr."""

from __future__ import annotations

from fastdata.cli import console
from fastdata.profiling.record import Profile

__all__ = ["print_card"]


def print_card(profile: Profile) -> None:
    """Prints the verdict, the rows and what is missing."""
    console.note(profile.verdict.sentence)
    for name, seconds in profile.rows.items():
        share = seconds / profile.wall_seconds if profile.wall_seconds else 0.0
        console.note(f"  {name.replace('_', ' '):<18} {seconds * 1e3:9.2f} ms  {share:6.1%}")
    for line in (*profile.verdict.evidence, *profile.notes):
        console.note(f"  {line}")
    if profile.verdict.next_command:
        console.note(f"next: {profile.verdict.next_command}")
