"""What the cases read, made once from a folder of photos, in each peer's own format.

::

    DATA/photos/files/CLASS/N.jpg     the photos, repeated until there are 4,096
    DATA/photos/plain.lmdb            the same files in plain LMDB, for torch
    DATA/photos/shards/N.tar          the same files in tar shards, for WebDataset
    DATA/photos/{*.beton,mds}         written by FFCV and Streaming in their environments
    DATA/photos/{keep,fast,raw400}.*  fastdata's packs
    DATA/mosaics/files/...            1,024 images of 2048x1080, tiles of the photos; 256 differ

Repeating makes an epoch long enough to be measured, and the bytes too many for a core's caches.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import IO

import lmdb
import numpy as np
from folders import files_of
from install import python_of
from PIL import Image

import fastdata

IMAGES = 4_096
MOSAICS, DIFFERENT_MOSAICS = 1_024, 256
MOSAIC_SIZE, TILE_SIZE = (2048, 1080), (256, 270)
SHARDS = 8
SUFFIXES = (".jpg", ".jpeg")

Make = Callable[[Path], None]


def prepare(data: Path, photos: Path, wanted: str, environments: Path) -> None:
    """Make the file or folder `wanted`, a path below `data`, if it is not there yet.

    Raises:
        Exception: It cannot be made; the cases that need it fail with this reason.
    """
    path = data / wanted
    if path.exists():
        return
    for needed in needs(wanted):
        prepare(data, photos, needed, environments)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"new-{path.name}")
    remove(unfinished)
    maker(wanted, photos, environments)(unfinished)
    unfinished.rename(path)


def claim(data: Path, photos: Path) -> IO[str]:
    """Note which photos a data folder is made of, and keep others from using it meanwhile.

    Returns:
        What must stay open as long as the folder is used.

    Raises:
        SystemExit: It is made of others, or in use: two runs at once would measure each other.
    """
    data.mkdir(parents=True, exist_ok=True)
    note = open(data / "photos.txt", "a+", encoding="utf-8")
    try:
        fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"another run uses {data}; wait for it") from None
    note.seek(0)
    made_of = note.read() or str(photos.resolve())
    if made_of != str(photos.resolve()):
        raise SystemExit(f"{data} is made of {made_of}, not of {photos}; choose another --data")
    note.truncate(0)
    note.write(made_of)
    note.flush()
    return note


def forget_packs(data: Path) -> None:
    """Remove fastdata's packs, so that they are made anew."""
    for name in PACKS:
        for path in data.glob(f"*/{name}.*"):
            remove(path)


def needs(wanted: str) -> tuple[str, ...]:
    """What something is made of."""
    if wanted == "photos/files":
        return ()
    return ("photos/files",) if wanted == "mosaics/files" else (f"{Path(wanted).parent}/files",)


def maker(wanted: str, photos: Path, environments: Path) -> Make:
    """What makes it, given the path to write to."""
    others: dict[str, Make] = {
        "photos/files": partial(copy_photos, photos),
        "photos/jpg.beton": partial(by_peer, environments, "ffcv", "--mode", "jpg"),
        "photos/raw.beton": partial(by_peer, environments, "ffcv", "--mode", "raw"),
        "photos/mds": partial(by_peer, environments, "streaming"),
        "photos/shards": write_shards,
        "mosaics/files": write_mosaics,
    }
    name = Path(wanted).stem
    return others.get(wanted) or (write_lmdb if name == "plain" else partial(write_pack, name))


def remove(path: Path) -> None:
    """What an interrupted run has left."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def copy_photos(photos: Path, out: Path) -> None:
    """The photos as class folders, again and again."""
    found = [path for path in sorted(photos.rglob("*")) if path.suffix.lower() in SUFFIXES]
    if not found:
        raise FileNotFoundError(f"no {' or '.join(SUFFIXES)} in {photos}")
    for at, file in enumerate(islice(cycle(found), IMAGES)):
        folder = out / (file.parent.name if file.parent != photos else "all")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / f"{at:06d}.jpg")


def write_lmdb(out: Path) -> None:
    """Plain LMDB, as `sources.LmdbBytes` reads it."""
    files, labels = files_of(out.parent / "files")
    with lmdb.open(str(out), map_size=1 << 36) as environment, environment.begin(write=True) as txn:
        for at, file in enumerate(files):
            txn.put(b"%08d" % at, Path(file).read_bytes())
        txn.put(b"labels", np.array(labels, "<i8").tobytes())


def write_shards(out: Path) -> None:
    """Tar shards in random order, as WebDataset's documentation asks."""
    files, labels = files_of(out.parent / "files")
    samples = list(zip(files, labels, strict=True))
    random.Random(0).shuffle(samples)
    out.mkdir()
    for shard in range(SHARDS):
        with tarfile.open(out / f"{shard}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for at, (file, label) in enumerate(samples[shard::SHARDS]):
                tar.add(file, f"{at:06d}.jpg")
                (out / "cls").write_text(str(label), encoding="utf-8")
                tar.add(out / "cls", f"{at:06d}.cls")
    (out / "cls").unlink()


PACKS = {
    "keep": {"codec": "keep"},
    "fast": {"codec": "jpeg-fast"},
    "raw400": {"codec": "raw", "resize": "longest:400"},
}


def write_pack(name: str, out: Path) -> None:
    """A pack, as `fastdata convert` writes it with the options of `PACKS`."""
    fastdata.convert(out.parent / "files", out, layout="imagefolder", **PACKS[name])


def by_peer(environments: Path, peer: str, *arguments: str | Path) -> None:
    """A peer's own format, written by itself; the last argument is the path."""
    *options, out = arguments
    script = Path(__file__).with_name(f"{peer}_write.py")
    source = Path(out).parent / "files"
    command = [python_of(environments, peer), script, *options, source, out]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or f"{script.name} failed").splitlines()[-1])


def write_mosaics(out: Path) -> None:
    """2K images of tiles; copies are links, which only spares the peers a cache miss."""
    files, _ = files_of(out.parent.parent / "photos" / "files")
    folder = out / "all"
    folder.mkdir(parents=True)
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(write_mosaic, files, folder), range(DIFFERENT_MOSAICS), chunksize=8))
    for at in range(DIFFERENT_MOSAICS, MOSAICS):
        os.link(folder / f"{at % DIFFERENT_MOSAICS:06d}.jpg", folder / f"{at:06d}.jpg")


def write_mosaic(files: list[str], folder: Path, at: int) -> None:
    """One image of randomly chosen photos, each cut and scaled to a tile, as JPEG of quality 95."""
    numbers = random.Random(at)
    mosaic = Image.new("RGB", MOSAIC_SIZE)
    width, height = TILE_SIZE
    for top in range(0, MOSAIC_SIZE[1], height):
        for left in range(0, MOSAIC_SIZE[0], width):
            with Image.open(numbers.choice(files)) as photo:
                scale = max(width / photo.width, height / photo.height)
                box = (0, 0, width / scale, height / scale)
                tile = photo.convert("RGB").resize(TILE_SIZE, Image.Resampling.BICUBIC, box)
            mosaic.paste(tile, (left, top))
    mosaic.save(folder / f"{at:06d}.jpg", quality=95)
