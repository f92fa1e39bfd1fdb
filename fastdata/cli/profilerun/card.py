"""A profile as a few lines on stderr."""

from __future__ import annotations

import sys

from rich.text import Text

from fastdata.cli import console
from fastdata.profiling.record import Profile
from fastdata.profiling.rendering.card import card_lines

__all__ = ["print_card"]


def print_card(profile: Profile) -> None:
    """Prints the card; in colour on a terminal, as plain lines anywhere else."""
    out = console.stderr()
    for line in card_lines(profile, columns=out.width, ascii_only=out.options.ascii_only):
        if out.is_terminal:
            spans = [(span.text, span.style) for span in line]
            out.print(Text.assemble(*spans), soft_wrap=True)
        else:
            print("".join(span.text for span in line).rstrip(), file=sys.stderr)
