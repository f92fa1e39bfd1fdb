"""The DALI engine makes the batches of the "cpu" engine, on DALI's CPU operators and on a GPU."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engines_here import needs_dali
from loader_checks import assert_alike, assert_made_again
from pictures import exif, picture, saved, segment, with_segments
from PIL import Image as PillowImage

from fastdata import FastLoader, transforms
from fastdata.codecs import encode_png
from fastdata.engines.drawing import Drawing
from fastdata.packs import create_pack
from fastdata.schema import Image, Schema

pytestmark = needs_dali

CROPS = [transforms.RandomResizedCrop(20), transforms.HorizontalFlip()]
CHAINS: dict[str, list[Any]] = {
    "crops": CROPS,
    "copies": [transforms.RandomCrop((18, 24)), transforms.VerticalFlip()],
    "turns": [transforms.Resize((30, 30)), transforms.Rotate90(), transforms.HorizontalFlip()],
    "enlarged": [transforms.CenterCrop(16), transforms.Resize((48, 40))],
    "normalized": [*CROPS, transforms.Normalize((0.5, 0.4, 0.3), (0.2, 0.25, 0.3))],
    "one mean": [transforms.Normalize((0.5,), (0.2,)), transforms.Resize((20, 20))],
    "floats": [transforms.ToFloat(), transforms.CenterCrop(20)],
}


@pytest.mark.parametrize("native", ["auto", "off"])
@pytest.mark.parametrize("chain", CHAINS)
def test_batches_are_those_of_the_cpu_engine(
    dali: Any, scenes: Path, chain: str, native: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTDATA_NATIVE", native)
    options: dict[str, Any] = {
        "batch_size": 4,
        "shuffle": True,
        "seed": 5,
        "transforms": CHAINS[chain],
        "num_workers": 2,
    }
    loader = dali(scenes, **options)
    expected = FastLoader(scenes, **options)
    assert (loader.explain().engine, expected.explain().engine) == ("dali", "cpu")
    for _ in range(2):
        pairs = list(zip(loader, expected, strict=True))
        assert len(pairs) == 4
        for found, wanted in pairs:
            assert_alike(found, wanted)


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_do_not_depend_on_threads(dali: Any, scenes: Path, workers: int) -> None:
    options: dict[str, Any] = {"batch_size": 5, "seed": 5, "transforms": CROPS}
    expected = list(dali(scenes, num_workers=2, **options))
    assert_made_again(dali.keywords, dali(scenes, num_workers=workers, **options), expected)


@pytest.mark.parametrize(("workers", "who"), [(0, "MainThread"), (2, "fastdata-producer")])
def test_the_training_thread_hands_out_what_another_has_fed(
    dali: Any, scenes: Path, workers: int, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastdata.engines.dali.pipeline import ImagePipeline

    found: list[tuple[str, str]] = []
    for owner, name in ((Drawing, "draw"), (ImagePipeline, "feed"), (ImagePipeline, "run")):
        original = getattr(owner, name)

        def seen(*args: Any, original: Any = original, name: str = name) -> Any:
            found.append((name, threading.current_thread().name))
            return original(*args)

        monkeypatch.setattr(owner, name, seen)
    assert len(list(dali(scenes, 4, transforms=CROPS, num_workers=workers))) == 4
    assert set(found) == {("draw", who), ("feed", who), ("run", who)}


def test_the_filter_sees_what_lies_around_the_box(dali: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    schema = Schema({"image": Image(codec="png"), "pixels": Image(codec="raw")})
    with create_pack(tmp_path / "noise.lmdb", schema) as writer:
        for _ in range(8):
            pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            writer.add(image=pixels, pixels=pixels)
    chain = [transforms.RandomResizedCrop(12, scale=(0.2, 0.4))]
    (found,) = dali(tmp_path / "noise.lmdb", 8, transforms=chain, seed=1)
    (wanted,) = FastLoader(tmp_path / "noise.lmdb", 8, transforms=chain, seed=1)
    for name in ("image", "pixels"):
        apart = getattr(found, name).cpu().int() - getattr(wanted, name).int()
        # Nothing but rounding; at an edge that was cut off it would be tens of levels.
        assert apart.abs().max() <= 2


def test_images_of_one_size_need_no_transforms(dali: Any, tmp_path: Path) -> None:
    with create_pack(tmp_path / "even.h5", Schema({"image": Image()})) as writer:
        for index in range(5):
            writer.add(image=picture(30, 40, seed=index))
    loader = dali(tmp_path / "even.h5", 2)
    for found, wanted in zip(loader, FastLoader(tmp_path / "even.h5", 2), strict=True):
        assert_alike(found, wanted)


def odd_files() -> dict[str, bytes]:
    pixels = picture(60, 80)
    plain = saved(pixels, "JPEG", quality=95)
    rgb = io.BytesIO()
    PillowImage.fromarray(pixels).save(rgb, "JPEG", quality=95, keep_rgb=True)
    return {
        "plain": plain,
        "png": encode_png(pixels),
        "png with alpha": saved(PillowImage.fromarray(pixels).convert("RGBA"), "PNG"),
        "palette": saved(PillowImage.fromarray(pixels).quantize(64), "PNG"),
        "gray": saved(pixels[:, :, :1], "JPEG", quality=95),
        "cmyk": saved(PillowImage.fromarray(pixels).convert("CMYK"), "JPEG", quality=95),
        "stored as rgb": rgb.getvalue(),
        "progressive": saved(pixels, "JPEG", quality=95, progressive=True),
        "upside down": with_segments(plain, segment(0xE1, b"Exif\0\0" + exif(3))),
        "on its side": with_segments(
            saved(pixels.transpose(1, 0, 2), "JPEG", quality=95),
            segment(0xE1, b"Exif\0\0" + exif(6)),
        ),
        "goes on behind its end": plain + bytes(100),
    }


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", odd_files())
def test_every_kind_of_file_is_decoded_by_the_same_rules(
    dali: Any, tmp_path: Path, name: str, channels: int
) -> None:
    with create_pack(tmp_path / "odd.lmdb", Schema({"image": Image(channels=channels)})) as writer:
        writer.add(image=odd_files()[name])
    chain = [transforms.RandomResizedCrop(32, scale=(0.2, 0.5))]
    (found,) = dali(tmp_path / "odd.lmdb", transforms=chain, seed=1)
    (wanted,) = FastLoader(tmp_path / "odd.lmdb", transforms=chain, seed=1)
    assert_alike(found, wanted)


def test_pairs_of_different_resolution_stay_pairs(dali: Any, tmp_path: Path) -> None:
    with create_pack(tmp_path / "pairs.lmdb", Schema({"low": Image(), "high": Image()})) as writer:
        for index in range(6):
            low = picture(40, 48, seed=index)
            writer.add(low=encode_png(low), high=encode_png(low.repeat(2, 0).repeat(2, 1)))
    chain = [transforms.RandomCrop(16), transforms.Rotate90(), transforms.HorizontalFlip()]
    loader = dali(tmp_path / "pairs.lmdb", 3, transforms=chain, seed=1)
    for low, high in loader:
        assert torch.equal(low, high[:, :, ::2, ::2])
