"""What the cases read: a folder of files, and a pack of the same images, made once."""

from __future__ import annotations

from pathlib import Path

from data import remove
from picture_pack import write_pack

__all__ = ["prepare"]


def prepare(data: Path, photos: Path | None, images: int) -> Path:
    """The folder with `images` photos, the same ones again and again where there are fewer.

    Args:
        data: Where it is made, unless it is there.
        photos: Folder of JPEG files; None for made scenes.
        images: How many.

    Raises:
        SystemExit: It was made of other photos.
    """
    work = data / f"{images}"
    note = work / "photos.txt"
    wanted = str(photos.resolve()) if photos else "made scenes"
    if work.exists():
        found = note.read_text(encoding="utf-8")
        if found != wanted:
            raise SystemExit(f"{work} is made of {found}, not of {wanted}; choose another --data")
        return work
    unfinished = data / f"new-{images}"
    remove(unfinished)
    unfinished.mkdir(parents=True)
    write_pack(unfinished, photos, images)
    (unfinished / note.name).write_text(wanted, encoding="utf-8")
    return unfinished.rename(work)
