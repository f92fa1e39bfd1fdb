"""The DALI engine makes the batches of the "cpu" engine, on DALI's CPU operators and on a GPU."""

from __future__ import annotations

import gc
import io
import os
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from engines_here import needs_dali
from loader_checks import assert_same
from pictures import exif, picture, saved, segment, with_segments
from PIL import Image as PillowImage

from fastdata import FastLoader, open_pack, transforms
from fastdata.codecs import encode_png
from fastdata.errors import InputError, UsageError, WorkerError
from fastdata.loader.moving import call_each
from fastdata.packs import create_pack
from fastdata.packs.encoding import encode_sample
from fastdata.schema import DistanceMap, Image, Label, Mask, Schema, Text

pytestmark = needs_dali

CROPS = [transforms.RandomResizedCrop(20), transforms.HorizontalFlip()]
WHOLE = [transforms.Resize((20, 20))]
CHAINS: dict[str, list[Any]] = {
    "crops": CROPS,
    "copies": [transforms.RandomCrop((18, 24)), transforms.VerticalFlip()],
    "turns": [transforms.Resize((30, 30)), transforms.Rotate90(), transforms.HorizontalFlip()],
    "enlarged": [transforms.CenterCrop(16), transforms.Resize((48, 40))],
    "normalized": [*CROPS, transforms.Normalize((0.5, 0.4, 0.3), (0.2, 0.25, 0.3))],
    "one mean": [transforms.Normalize((0.5,), (0.2,)), transforms.Resize((20, 20))],
    "floats": [transforms.ToFloat(), transforms.CenterCrop(20)],
}
# In levels of 0..255, over a batch and over a sample. libjpeg and the fixed-point filter are not
# DALI's; and the compiled core decodes what is made much smaller at a reduced size, which alone
# moves a sample by up to 2.
MEAN_LEVELS, SAMPLE_LEVELS = 2.0, 4.0


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Restart-indexed photos with masks and distance maps, raw pixels, and labels."""
    path = tmp_path_factory.mktemp("scenes") / "scenes.lmdb"
    schema = Schema(
        {
            "image": Image(codec="jpeg-fast"),
            "mask": Mask(classes=("ground", "thing")),
            "boundary": DistanceMap(of="mask", dtype="float16"),
            "pixels": Image(codec="raw"),
            "label": Label(),
            "name": Text(),
        }
    )
    rng = np.random.default_rng(3)
    with create_pack(path, schema) as writer:
        for index in range(14):
            height, width = 96 + 3 * index, 150 - 2 * index
            image = picture(height, width, seed=index)
            writer.add(
                __key__=f"scene {index}",
                image=image,
                mask=(image[..., 0] > 127).astype(np.uint8),
                boundary=rng.random((height, width), np.float32) * 9,
                pixels=image,
                label=index,
                name=f"name {index}",
            )
    return path


@pytest.fixture(params=["cpu", pytest.param("cuda:0", marks=pytest.mark.needs_gpu)])
def dali(request: pytest.FixtureRequest) -> Any:
    """FastLoader with this engine, on either device."""
    return partial(FastLoader, engine="dali", device=request.param)


def assert_alike(found: Any, expected: Any) -> None:
    """Batches that are the same but for the last levels of their images, and their device."""
    assert found._fields == expected._fields
    found = call_each(found, "cpu")
    for name, one, other in zip(found._fields, found, expected, strict=True):
        if not isinstance(one, torch.Tensor) or one.ndim != 4 or one.shape[1] not in (1, 3):
            assert_same(one, other)
            continue
        assert (one.dtype, one.shape, one.stride()) == (other.dtype, other.shape, other.stride())
        scale = 1 if one.dtype == torch.uint8 else 255 * 0.2
        apart = (one.double() - other.double()).abs().flatten(1).mean(1) * scale
        assert apart.mean() < MEAN_LEVELS and (apart < SAMPLE_LEVELS).all(), (name, apart)


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
    assert_same(list(dali(scenes, num_workers=workers, **options)), expected)


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
    assert_same(next(batches), expected[0])
    with pytest.raises(WorkerError, match=r"begins with scene 4.*CUDA error: unspecified"):
        next(batches)
    assert_same(list(batches), expected[2:])
    assert calls[1] is not calls[2]


def test_a_resume_goes_on_as_if_unbroken_whatever_the_engine(dali: Any, scenes: Path) -> None:
    options: dict[str, Any] = {"batch_size": 3, "shuffle": True, "transforms": CROPS}
    unbroken = FastLoader(scenes, seed=3, **options)
    list(unbroken)
    expected = list(unbroken)
    broken = dali(scenes, seed=3, **options)
    list(broken)
    list(islice(broken, 2))
    state = broken.state_dict()
    for engine in ("cpu", "dali"):
        resumed = FastLoader(scenes, engine=engine, **options)
        resumed.load_state_dict(state)
        for found, wanted in zip(resumed, expected[2:], strict=True):
            assert_alike(found, wanted)


def test_two_ranks_share_the_samples(
    dali: Any, scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    seen = []
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        loader = dali(scenes, 3, shuffle=True, seed=1, transforms=CROPS)
        batches = list(loader)
        assert len(loader) == len(batches) == 3
        for found, wanted in zip(
            batches, FastLoader(scenes, 3, shuffle=True, seed=1, transforms=CROPS), strict=True
        ):
            assert_alike(found, wanted)
        seen += [label for batch in batches for label in batch.label.tolist()]
    assert sorted(seen) == list(range(14))


def test_set_epoch_and_drop_last(dali: Any, scenes: Path) -> None:
    loader = dali(scenes, 4, shuffle=True, seed=1, transforms=CROPS, drop_last=True)
    loader.set_epoch(2)
    first, again = list(loader), list(loader)
    assert [len(batch.label) for batch in first] == [4, 4, 4]
    assert_same(first, again)
    loader.set_epoch(3)
    assert not torch.equal(next(iter(loader)).image, first[0].image)


def test_batches_of_a_sampler_may_grow(dali: Any, scenes: Path) -> None:
    rows = [[0], [3, 4, 5], [1, 2], [6, 7, 8, 9, 10, 11], [12]]
    loader = dali(scenes, batch_sampler=rows, transforms=CROPS, seed=1)
    expected = FastLoader(scenes, batch_sampler=rows, transforms=CROPS, seed=1)
    for found, wanted in zip(loader, expected, strict=True):
        assert_alike(found, wanted)


def test_epochs_that_are_broken_off_leave_nothing_to_the_next(dali: Any, scenes: Path) -> None:
    options: dict[str, Any] = {"batch_size": 2, "seed": 1, "transforms": CROPS}
    loader = dali(scenes, **options)
    loader.set_epoch(0)
    expected = list(loader)
    for count in (0, 1, 3):
        list(islice(loader, count))
        assert_same(list(loader), expected)


def test_loaders_and_iterators_may_run_at_once(dali: Any, scenes: Path) -> None:
    options: dict[str, Any] = {"batch_size": 3, "seed": 1, "transforms": CROPS}
    loader = dali(scenes, **options)
    loader.set_epoch(0)
    other = dali(scenes, **options, fields=["pixels"])
    expected = list(FastLoader(scenes, **options))
    for one, two, three, wanted in zip(loader, loader, other, expected, strict=True):
        assert_same(one, two)
        assert_alike(one, wanted)
        assert_same(three.pixels, one.pixels)


def test_a_batch_that_is_kept_is_never_written_again(dali: Any, scenes: Path) -> None:
    loader = dali(scenes, 2, transforms=CROPS, seed=1)
    kept = list(loader)
    copies = [batch.image.clone() for batch in kept]
    for _ in range(3):
        list(loader)
    assert all(torch.equal(b.image, copy) for b, copy in zip(kept, copies, strict=True))
    views = [batch.image[0] for batch in loader]
    del loader, kept
    gc.collect()
    assert all(view.sum() > 0 for view in views)


def test_threads_and_memory_are_given_back(scenes: Path) -> None:
    process = psutil.Process()

    def run(epochs: int) -> None:
        loader = FastLoader(scenes, 2, transforms=CROPS, engine="dali", num_workers=2)
        for _ in range(epochs):
            next(iter(loader))

    run(1)
    gc.collect()
    threads, memory_bytes = process.num_threads(), process.memory_info().rss
    for _ in range(5):
        run(10)
    gc.collect()
    assert process.num_threads() <= threads
    assert process.memory_info().rss < memory_bytes + (32 << 20)


@pytest.fixture
def half_read(scenes: Path) -> Iterator[Any]:
    loader = FastLoader(scenes, 2, transforms=CROPS, seed=1, engine="dali", num_workers=0)
    loader.set_epoch(0)
    iterator = iter(loader)
    next(iterator)
    yield iterator
    del iterator


def test_a_fork_within_an_epoch_reads_on(scenes: Path, half_read: Any) -> None:
    chain: dict[str, Any] = {"transforms": CROPS, "seed": 1, "engine": "dali"}
    expected = [batch.image.sum().item() for batch in FastLoader(scenes, 2, **chain)][1:]
    child = os.fork()
    if child == 0:
        os._exit(0 if [batch.image.sum().item() for batch in half_read] == expected else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert [batch.image.sum().item() for batch in half_read] == expected


def label(sample: Any) -> int:
    return int(sample.label)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"collate_fn": list}, "a collate_fn takes samples one by one; use 'auto'"),
        ({"batch_size": None}, "batch_size=None asks for samples one by one"),
        ({"fields": ["label", "mask"]}, "there is no image to decode or transform; use 'auto'"),
        ({"device": "meta"}, "on 'cuda' or 'cpu', not on 'meta'"),
    ],
)
def test_what_it_cannot_do_is_refused(scenes: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        FastLoader(scenes, **({"batch_size": 2, "transforms": CROPS, "engine": "dali"} | options))


def test_functions_and_other_datasets_are_refused(scenes: Path) -> None:
    with open_pack(scenes) as pack:
        for dataset in (pack.map(label), np.zeros((4, 3)), [1, 2]):
            with pytest.raises(UsageError, match="engine='dali' cannot serve this loader: "):
                FastLoader(dataset, 2, engine="dali")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_told_with_its_remedy(scenes: Path) -> None:
    with pytest.raises(UsageError, match=r"CUDA.*leave device= out|nvidia-smi must list"):
        FastLoader(scenes, 2, engine="dali", device="cuda", transforms=CROPS)


def test_auto_takes_the_cpu_engine_on_a_cpu(scenes: Path) -> None:
    assert FastLoader(scenes, 2, transforms=CROPS, device="cpu").explain().engine == "cpu"
