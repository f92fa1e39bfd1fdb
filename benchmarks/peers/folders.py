"""Image files in class folders."""

from __future__ import annotations

from pathlib import Path


def files_of(folder: Path) -> tuple[list[str], list[int]]:
    """Paths and labels of the images in class folders."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    found = [(str(file), at) for at, path in enumerate(classes) for file in sorted(path.iterdir())]
    return [file for file, _ in found], [label for _, label in found]
