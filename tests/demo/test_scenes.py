"""The made images: the same everywhere, and like photographs in size and spectrum."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from fastdata.demo.files import MadeFiles, write_files
from fastdata.demo.scenes import LANDS, PARTS, make_scene


def write(folder: Path, *, seed: int = 0, threads: int = 2) -> MadeFiles:
    return write_files(folder, samples=12, seed=seed, threads=threads, progress=lambda *_: None)


def digest(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.*")
    }


def test_files_depend_on_the_seed_alone(tmp_path: Path) -> None:
    for name, seed, threads in (("a", 0, 1), ("b", 0, 3), ("c", 1, 3)):
        write(tmp_path / name, seed=seed, threads=threads)
    first, again, other = (digest(tmp_path / name) for name in "abc")
    assert first == again
    assert len(first) == 25
    assert all(first[name] != other[name] for name in first if name.startswith("images"))


def test_the_table_lists_every_image_with_its_mask(tmp_path: Path) -> None:
    made = write(tmp_path)
    with made.table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["land"] for row in rows[:4]] == list(LANDS)
    for row in rows:
        with (
            Image.open(tmp_path / row["image"]) as image,
            Image.open(tmp_path / row["mask"]) as mask,
        ):
            assert image.size == mask.size
            assert (image.mode, mask.mode) == ("RGB", "L")
    assert made.image_bytes == sum(path.stat().st_size for path in (tmp_path / "images").iterdir())


def test_files_are_as_large_as_those_of_photographs(tmp_path: Path) -> None:
    sizes = (
        [path.stat().st_size for path in (tmp_path / "images").iterdir()] if write(tmp_path) else []
    )
    assert 60_000 < np.mean(sizes) < 110_000


def test_masks_show_all_parts_and_nothing_else() -> None:
    masks = [make_scene(3, index).mask for index in range(12)]
    assert set(np.unique(np.concatenate([mask.ravel() for mask in masks]))) == set(
        range(len(PARTS))
    )
    for mask in masks:
        assert 0.15 < (mask == PARTS.index("sky")).mean() < 0.6


def test_the_spectrum_falls_as_that_of_photographs() -> None:
    """Power falls about as 1/f**2: between the flat 0 of noise and the 4 of a smooth surface."""
    slopes = []
    for index in range(8):
        gray = make_scene(0, index).image[:256, :256].mean(axis=2)
        window = np.hanning(256)
        power = np.abs(np.fft.fft2((gray - gray.mean()) * window * window[:, None])) ** 2
        frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
        inside = (frequency > 0.02) & (frequency < 0.2)
        slopes.append(-np.polyfit(np.log(frequency[inside]), np.log(power[inside]), 1)[0])
    assert 1.2 < np.mean(slopes) < 3.0
