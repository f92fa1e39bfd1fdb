"""A pack of pictures for the benchmarks: of photos that are given, or of made scenes."""

from __future__ import annotations

import shutil
from itertools import cycle, islice
from pathlib import Path

import fastdata
from fastdata.demo.files import write_files

MADE = 256


def write_pack(folder: Path, photos: Path | None, count: int) -> Path:
    """Convert `count` pictures as `fastdata convert` does, the same ones again if there are fewer.

    Args:
        folder: An empty one.
        photos: Folder of JPEG files, or None for made scenes.
        count: Samples of the pack.

    Returns:
        The pack; its images are in the field ``image``.
    """
    if photos is None:
        photos = folder / "made"
        write_files(photos, samples=MADE, seed=0, threads=2, progress=lambda *_: None)
    files = sorted(path for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    source = folder / "files" / "all"
    source.mkdir(parents=True)
    for at, file in enumerate(islice(cycle(files), count)):
        shutil.copyfile(file, source / f"{at:06d}.jpg")
    pack = folder / "pictures.lmdb"
    fastdata.convert(source.parent, pack, layout="imagefolder")
    return pack
