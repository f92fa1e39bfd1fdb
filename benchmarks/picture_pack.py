"""A pack of pictures for the benchmarks: of photos that are given, or of made scenes."""

from __future__ import annotations

from pathlib import Path

import fastdata
from fastdata.demo.files import write_files

MADE = 512


def write_pack(folder: Path, photos: Path | None) -> Path:
    """Convert class folders of photos, or as many made scenes, as `fastdata convert` does.

    Args:
        folder: An empty one.
        photos: Class folders of images, or None.

    Returns:
        The pack; its images are in the field ``image``.
    """
    source = photos
    if source is None:
        made = write_files(
            folder / "made", samples=MADE, seed=0, threads=2, progress=lambda *_: None
        )
        source = made.table
    fastdata.convert(source, folder / "pictures.lmdb")
    return folder / "pictures.lmdb"
