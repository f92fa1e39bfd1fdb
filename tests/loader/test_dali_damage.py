"""What DALI cannot decode is found before, or made by the core, which names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engines_here import needs_dali
from loader_checks import assert_alike, assert_made_again
from pictures import picture, saved

from fastdata import FastLoader, transforms
from fastdata.errors import InputError, WorkerError
from fastdata.packs import create_pack
from fastdata.packs.encoding import encode_sample
from fastdata.schema import Image, Label, Schema

pytestmark = needs_dali

CROPS = [transforms.RandomResizedCrop(20), transforms.HorizontalFlip()]
WHOLE = [transforms.Resize((20, 20))]


def cut_off(image: np.ndarray) -> bytes:
    """A JPEG without its end."""
    return saved(image, "JPEG", quality=95)[:-200]


def emptied(image: np.ndarray, kept: float = 0.5) -> bytes:
    """A JPEG that ends as it should, and of whose data only a part is there."""
    whole = saved(image, "JPEG", quality=95)
    return whole[: int(len(whole) * kept)] + b"\xff\xd9"


def without_tables(image: np.ndarray) -> bytes:
    """A JPEG whose header does not say by what its data were divided."""
    return saved(image, "JPEG", quality=95).replace(b"\xff\xdb", b"\xff\xe5")


@pytest.fixture(params=[cut_off, emptied, without_tables, "without_tables, no compiled core"])
def undecodable(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Twelve images, of which the sixth cannot be decoded."""
    damage = request.param
    if isinstance(damage, str):
        # Then nothing tells before DALI fails.
        monkeypatch.setenv("FASTDATA_NATIVE", "off")
        damage = without_tables
    path = tmp_path / "undecodable.lmdb"
    schema = Schema({"image": Image(), "label": Label()})
    with create_pack(path, schema) as writer:
        for index in range(12):
            image = picture(40, 60, seed=index)
            data = damage(image) if index == 5 else saved(image, "JPEG")
            values = {"image": data, "label": index}
            writer.append(encode_sample(schema, values, f"image {index}", check_pixels=False))
    return path


@pytest.mark.parametrize("workers", [0, 2])
def test_a_sample_that_cannot_be_decoded_is_named(
    dali: Any, undecodable: Path, workers: int
) -> None:
    options: dict[str, Any] = {"transforms": WHOLE, "num_workers": workers}
    batches = iter(dali(undecodable, 2, **options))
    assert [next(batches).label.tolist() for _ in range(2)] == [[0, 1], [2, 3]]
    with pytest.raises(InputError, match=r"^image 5: .*JPEG"):
        next(batches)
    assert [batch.label.tolist() for batch in batches] == [[6, 7], [8, 9], [10, 11]]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_sample_that_cannot_be_decoded_is_left_out(
    dali: Any, undecodable: Path, workers: int
) -> None:
    loader = dali(undecodable, 2, transforms=WHOLE, num_workers=workers, on_bad="skip")
    for _ in range(2):
        labels = [batch.label.tolist() for batch in loader]
        assert labels == [[0, 1], [2, 3], [4], [6, 7], [8, 9], [10, 11]]
    assert [(skip.sample, skip.key) for skip in loader.skipped] == [(5, "image 5")]


def test_damage_below_the_crop_does_not_matter(dali: Any, tmp_path: Path) -> None:
    path = tmp_path / "below.lmdb"
    schema = Schema({"image": Image()})
    with create_pack(path, schema) as writer:
        for index in range(6):
            image = picture(128, 64, seed=index)
            data = emptied(image, 0.9) if index == 3 else saved(image, "JPEG", quality=95)
            writer.append(encode_sample(schema, {"image": data}, check_pixels=False))
    chain = [transforms.CenterCrop(24)]
    loader = dali(path, 2, transforms=chain)
    for _ in range(2):
        for found, wanted in zip(loader, FastLoader(path, 2, transforms=chain), strict=True):
            assert_alike(found, wanted)


def test_a_lost_gpu_is_an_error_and_the_next_batch_is_made(
    dali: Any, scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastdata.engines.dali.pipeline import ImagePipeline

    options: dict[str, Any] = {"batch_size": 4, "seed": 1, "transforms": CROPS}
    loader = dali(scenes, **options)
    loader.set_epoch(0)
    expected = list(loader)
    take, calls = ImagePipeline.take, []

    def fail_once(pipeline: Any) -> Any:
        calls.append(pipeline)
        if len(calls) == 2:
            raise RuntimeError("CUDA error:\n  unspecified launch failure")
        return take(pipeline)

    # No GPU can be lost on demand; this is what share_outputs raises when one is.
    monkeypatch.setattr(ImagePipeline, "take", fail_once)
    batches = iter(loader)
    assert_made_again(dali.keywords, [next(batches)], expected[:1])
    with pytest.raises(WorkerError, match=r"begins with scene 4.*CUDA error: unspecified"):
        next(batches)
    assert_made_again(dali.keywords, list(batches), expected[2:])
    assert calls[1] is not calls[2]


@pytest.mark.parametrize("step", ["feed", "run"])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_pipeline_that_takes_no_batch_is_replaced_and_none_is_lost(
    dali: Any, scenes: Path, step: str, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastdata.engines.dali.pipeline import ImagePipeline

    options: dict[str, Any] = {"batch_size": 3, "seed": 1, "transforms": CROPS}
    loader = dali(scenes, num_workers=workers, **options)
    loader.set_epoch(0)
    expected = list(loader)
    original, calls = getattr(ImagePipeline, step), []

    def fail_once(pipeline: Any, *inputs: Any) -> None:
        calls.append(pipeline)
        if len(calls) == 3:
            raise RuntimeError("CUDA error: out of memory")
        original(pipeline, *inputs)

    # No GPU can be made to fail at this on demand.
    monkeypatch.setattr(ImagePipeline, step, fail_once)
    assert_made_again(dali.keywords, list(loader), expected)
    assert calls[2] is not calls[3]


def test_an_interrupt_does_not_give_a_batch_the_images_of_another(
    dali: Any, scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastdata.engines.dali.pipeline import ImagePipeline

    loader = dali(scenes, 3, seed=1, transforms=CROPS, num_workers=0)
    loader.set_epoch(0)
    expected = list(loader)
    feed = ImagePipeline.feed

    def interrupted(pipeline: Any, inputs: Any) -> None:
        monkeypatch.setattr(ImagePipeline, "feed", feed)
        raise KeyboardInterrupt

    batches = iter(loader)
    next(batches)
    monkeypatch.setattr(ImagePipeline, "feed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(batches)
    assert_made_again(dali.keywords, list(batches), expected[2:])
