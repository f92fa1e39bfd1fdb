"""What DALI's batches and pipelines leave in memory: nothing that grows, nothing used too early."""

from __future__ import annotations

import ctypes
import gc
import weakref
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from engines_here import needs_dali
from loader_checks import assert_all_alike
from pictures import picture, saved, segment, with_segments

from fastdata import FastLoader, transforms
from fastdata.packs import create_pack
from fastdata.schema import Image, Schema

pytestmark = needs_dali

CHAIN = [
    transforms.RandomResizedCrop(32),
    transforms.HorizontalFlip(),
    transforms.Normalize((0.5,), (0.2,), "float16"),
]


def loader_on(device: str, source: Path, chain: Sequence[Any] = CHAIN) -> FastLoader:
    return FastLoader(
        source, 4, engine="dali", device=device, transforms=chain, num_workers=2, seed=1
    )


def used_bytes(device: str) -> list[int]:
    """Memory of this process, and what is taken of the GPU's."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    found = [psutil.Process().memory_info().rss]
    if device != "cpu":
        torch.cuda.synchronize()
        free, total = torch.cuda.mem_get_info(device)
        found.append(total - free)
    return found


def assert_no_more(after: list[int], before: list[int]) -> None:
    assert all(now <= 1.05 * then for now, then in zip(after, before, strict=True)), (before, after)


@pytest.mark.parametrize("is_whole", [False, True], ids=["left", "whole"])
@pytest.mark.parametrize(
    ("device", "warm_up", "starts"),
    [("cpu", 10, 60), pytest.param("cuda:0", 50, 1000, marks=pytest.mark.needs_gpu)],
)
def test_epochs_leave_nothing_behind(
    photos: Path, device: str, warm_up: int, starts: int, is_whole: bool
) -> None:
    # Batches of 1.2 MB: one that is kept with each epoch is several times what is allowed.
    loader = loader_on(device, photos, [transforms.RandomResizedCrop(224), *CHAIN[1:]])
    process = psutil.Process()

    def run(epochs: int) -> tuple[list[int], int, int]:
        for _ in range(epochs):
            for _ in islice(loader, None if is_whole else 1):
                pass
        next(iter(loader))
        return used_bytes(device), process.num_threads(), process.num_fds()

    before, *counts = run(warm_up)
    after, *counts_after = run(starts)
    assert_no_more(after, before)
    assert counts_after == counts


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda:0", marks=pytest.mark.needs_gpu)])
def test_loaders_that_come_and_go_take_no_more_memory(photos: Path, device: str) -> None:
    def use() -> None:
        loader = loader_on(device, photos)
        for _ in range(2):
            assert len(list(loader)) == 7

    use()
    before = used_bytes(device)
    for _ in range(5):
        use()
    assert_no_more(used_bytes(device), before)


def test_files_are_cut_into_memory_that_is_used_again_when_no_batch_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastdata.engines.dali.pipeline import ImagePipeline

    # A batch of two is larger than what malloc keeps for itself: memory that is new holds zeros.
    comments = [segment(0xFE, bytes(65_000))] * 135
    with create_pack(tmp_path / "large.lmdb", Schema({"image": Image()})) as writer:
        for index in range(6):
            plain = saved(picture(96, 128, seed=index), "JPEG", restart_marker_blocks=1)
            writer.add(image=with_segments(plain, *comments))
    options: dict[str, Any] = {"transforms": [transforms.RandomCrop(32)], "seed": 1}
    expected = list(FastLoader(tmp_path / "large.lmdb", 2, **options))
    loader = FastLoader(tmp_path / "large.lmdb", 2, engine="dali", num_workers=2, **options)
    feed, marks, in_flight = ImagePipeline.feed, [], weakref.WeakValueDictionary[int, Any]()

    def marked(pipeline: Any, inputs: Any) -> None:
        memory = inputs["image"].data[0].base
        assert memory.ctypes.data not in in_flight
        in_flight[memory.ctypes.data] = inputs["image"]
        marks.append(memory[-1])
        memory[-1] = 77
        feed(pipeline, inputs)

    monkeypatch.setattr(ImagePipeline, "feed", marked)
    for _ in range(4):
        loader.set_epoch(0)
        assert_all_alike(list(loader), expected)
    assert marks[:1] == [0] and marks.count(77) > len(marks) / 2


def test_what_dali_keeps_is_given_back_with_the_loader(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastdata.engines.dali import pipeline

    calls: list[Any] = []
    give_back = pipeline.give_memory_back
    monkeypatch.setattr(pipeline, "give_memory_back", lambda: calls.append(give_back()))
    loader = loader_on("cpu", photos)
    iterator = iter(loader)
    next(iterator)
    del loader
    gc.collect()
    assert calls == []
    del iterator
    gc.collect()
    assert calls == [None]


@pytest.mark.needs_gpu
def test_memory_is_used_again_after_the_stream_has_read_it(photos: Path) -> None:
    loader = loader_on("cuda:0", photos)
    loader.set_epoch(0)
    expected = list(loader)
    for _ in range(10):
        found = []
        for batch in loader:
            # The copy is not begun when the batch is let go, and DALI makes others meanwhile.
            torch.cuda._sleep(20_000_000)
            found.append(batch._replace(image=batch.image.clone()))
            del batch
        assert_all_alike(found, expected)


@pytest.mark.needs_gpu
def test_batches_of_another_stream_are_whole(photos: Path) -> None:
    loader = loader_on("cuda:0", photos)
    loader.set_epoch(0)
    expected = list(loader)
    with torch.cuda.stream(torch.cuda.Stream()):
        found = [batch._replace(image=batch.image.clone()) for batch in loader]
    torch.cuda.synchronize()
    assert_all_alike(found, expected)


@pytest.mark.needs_gpu
def test_nothing_is_copied_on_the_way_to_torch(photos: Path) -> None:
    loader = loader_on("cuda:0", photos)
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    kept = [batch.image for batch in loader]
    assert all(image.is_contiguous(memory_format=torch.channels_last) for image in kept)
    # None of it is torch's own.
    assert torch.cuda.memory_allocated() - before < sum(image.nbytes for image in kept)
