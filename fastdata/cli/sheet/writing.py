"""Writes the contact sheet of a pack to a file."""

from __future__ import annotations

import os
from pathlib import Path

from fastdata.cli.sheet.collect import collect
from fastdata.cli.sheet.page import render
from fastdata.packs import Pack

__all__ = ["write_sheet"]


def write_sheet(pack: Pack, path: Path, *, samples: int, longest: int) -> None:
    """Writes the contact sheet of a pack; the file appears whole.

    Args:
        pack: Any pack.
        path: The HTML file; replaced when it exists.
        samples: At most so many tiles.
        longest: Longest side of a thumbnail in pixels.

    Raises:
        OSError: The file cannot be written.
    """
    text = render(collect(pack, samples=samples, longest=longest))
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
