"""A loader measured by itself: what is said of it, however few batches an epoch has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from engines_here import needs_dali
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from fastdata import FastLoader, convert
from fastdata.packs import create_pack, open_pack
from fastdata.profiling.alone import profile_loader
from fastdata.profiling.rendering.card import card_lines
from fastdata.profiling.rendering.html import render
from fastdata.schema import Image, Schema
from fastdata.transforms import RandomResizedCrop


class Slow(Dataset[torch.Tensor]):
    """Samples that take 5 ms each."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> torch.Tensor:
        time.sleep(0.005)
        return torch.full((4,), float(index))


@pytest.mark.parametrize("batches", [1, 2, 3, 40])
def test_a_loader_is_measured_with_any_number_of_batches_an_epoch(batches: int) -> None:
    profile = profile_loader(DataLoader(Slow(4 * batches), 4), batches=12, warmup=2)
    assert profile.steps == 12 and profile.samples_per_step == 4
    assert profile.start.epochs == -(-14 // batches)
    rate = float(profile.verdict.sentence.removeprefix("Alone, the loader gives ").split()[0])
    # 200 samples/s, less what a busy machine adds to each wake-up.
    assert 100 < rate <= 200
    assert profile.exposed_share is not None and profile.exposed_share > 0.9
    card = [
        "".join(span.text for span in line)
        for line in card_lines(profile, columns=80, ascii_only=True)
    ]
    assert card[0] == "loader alone"
    # Rows of a training would only hide the one that counts.
    assert any("waiting for data" in line for line in card)
    assert not any("backward" in line for line in card)
    page = render(profile)
    assert 'class="chip">loader alone<' in page and "optimizer<td" not in page
    assert "optimizer" not in " ".join([profile.verdict.sentence, *profile.notes])


@pytest.fixture
def photo_pack(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for number in range(8):
        pixels = np.random.default_rng(number).integers(0, 256, (96, 96, 3), np.uint8)
        PIL.Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.jpg")
    convert(tmp_path / "photos", tmp_path / "photos.lmdb")
    return tmp_path / "photos.lmdb"


def test_the_stages_of_the_engine_have_their_ceilings(photo_pack: Path) -> None:
    """A device that holds no values takes the place of a GPU: moving to it is a copy."""
    loader = FastLoader(
        photo_pack, 2, num_workers=2, fields=["image"], transforms=[RandomResizedCrop(24)],
        device="meta",
    )  # fmt: skip
    profile = profile_loader(loader, batches=20, warmup=0)
    stages = {stage.name: stage for stage in profile.workers.stages if not stage.operation}
    assert set(stages) >= {"read", "crc", "decode", "resize", "collate", "copy", "other"}
    (lane,) = profile.workers.lanes
    assert sum(one.total_seconds for one in stages.values()) == pytest.approx(lane.busy_seconds)
    assert {name for name, one in stages.items() if one.threads == 2} == {"decode", "resize"}
    for stage in stages.values():
        assert stage.samples_per_second == pytest.approx(lane.samples / stage.total_seconds)  # type: ignore[operator]
    assert profile.verdict.evidence[0] == (
        "FastLoader, engine cpu: batches of 2 made by 2 threads, to meta"
    )
    assert profile.verdict.evidence[1].startswith("samples/s with one stage only: ")


@pytest.mark.parametrize("workers", [0, 2])
def test_worker_processes_of_a_pack_have_their_stages(photo_pack: Path, workers: int) -> None:
    loader = FastLoader(
        photo_pack, 2, num_workers=workers, fields=["image"], engine="torch",
        transforms=[RandomResizedCrop(24)],
    )  # fmt: skip
    profile = profile_loader(loader, batches=24, warmup=0)
    lanes = profile.workers.lanes
    assert {lane.kind for lane in lanes} == {"process" if workers else "main"}
    assert sum(lane.samples or 0 for lane in lanes) == 2 * sum(lane.batches for lane in lanes) >= 48
    stages = {stage.name: stage for stage in profile.workers.stages if not stage.operation}
    assert set(stages) >= {"read", "crc", "decode", "resize", "collate", "other"}
    assert all(stage.samples_per_second for stage in stages.values())


def test_records_are_checked_at_their_first_read_or_at_each(photo_pack: Path) -> None:
    checked = {}
    for verify in ("first", "always"):
        loader = FastLoader(
            open_pack(photo_pack, verify=verify),  # type: ignore[arg-type]
            4, num_workers=0, fields=["image"], transforms=[RandomResizedCrop(24)],
        )  # fmt: skip
        profile = profile_loader(loader, batches=20, warmup=0)
        (crc,) = (one for one in profile.workers.stages if one.name == "crc")
        checked[verify] = crc.count
    assert checked == {"first": 2, "always": 20}


@pytest.mark.parametrize("own_batches", [False, True], ids=["groups", "one by one"])
def test_a_pack_that_is_only_gathered_has_a_lane(tmp_path: Path, *, own_batches: bool) -> None:
    path = tmp_path / "raw.lmdb"
    with create_pack(path, Schema({"image": Image(codec="raw", shape=(32, 32))})) as writer:
        for pixels in np.random.default_rng(1).integers(0, 256, (600, 32, 32, 3), np.uint8):
            writer.add(image=pixels)
    order = [range(at, at + 20) for at in range(0, 600, 20)]
    loader: FastLoader = (
        FastLoader(path, batch_sampler=order) if own_batches else FastLoader(path, 20, shuffle=True)
    )
    profile = profile_loader(loader, batches=40, warmup=0)
    (lane,) = profile.workers.lanes
    assert (lane.kind, lane.batches, lane.samples) == ("main", 40, 800)
    stages = {stage.name: stage for stage in profile.workers.stages}
    assert set(stages) == {"read", "crc", "collate", "other"}
    assert lane.reading is not None and lane.reading.asked_bytes >= 800 * 32 * 32 * 3
    assert profile.notes == ()


@pytest.mark.parametrize("kind", ["tensors", "part of tensors", "arrays", "one by one"])
def test_arrays_that_are_gathered_have_a_lane(kind: str) -> None:
    values, labels = torch.randn(600, 24, 12), torch.arange(600)
    tensors = TensorDataset(values, labels)
    order = [range(at, at + 20) for at in range(0, 600, 20)]
    loader: FastLoader = {
        "tensors": lambda: FastLoader(tensors, 20, shuffle=True),
        "part of tensors": lambda: FastLoader(Subset(tensors, range(100, 500)), 20),
        "arrays": lambda: FastLoader({"x": values.numpy(), "y": labels.numpy()}, 20),
        "one by one": lambda: FastLoader(tensors, batch_sampler=order),
    }[kind]()
    profile = profile_loader(loader, batches=40, warmup=2)
    (lane,) = profile.workers.lanes
    assert (lane.kind, lane.batches, lane.samples) == ("main", 40, 800)
    stages = {stage.name: stage for stage in profile.workers.stages}
    assert set(stages) == {"collate", "other"}
    # Memory is read from no disk.
    assert lane.reading is None and profile.notes == ()


@needs_dali
@pytest.mark.parametrize("workers", [0, 2])
def test_the_host_of_dali_has_a_lane(photo_pack: Path, workers: int) -> None:
    often = Subset(open_pack(photo_pack), 30 * list(range(8)))  # in one epoch
    loader = FastLoader(
        often, 8, num_workers=workers, fields=["image"], engine="dali",
        transforms=[RandomResizedCrop(400)],
    )  # fmt: skip
    profile = profile_loader(loader, batches=20, warmup=2)
    (lane,) = profile.workers.lanes
    assert lane.kind == ("thread" if workers else "main") and lane.batches >= 20
    # Whatever DALI is waited for while the host makes the next batch is not counted twice.
    assert lane.busy_seconds <= 1.1 * lane.wall_seconds
    names = {(stage.name, stage.operation) for stage in profile.workers.stages}
    steps = ("cut files", "feed DALI", "wait for DALI")
    assert names >= {("read", ""), *(("decode", step) for step in steps)}


class SlowAtFirst(Slow):
    """Samples that take 20 ms more at their first read."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._seen: set[int] = set()

    def __getitem__(self, index: int) -> torch.Tensor:
        time.sleep(0.0 if index in self._seen else 0.02)
        self._seen.add(index)
        return super().__getitem__(index)


def test_the_work_of_the_warm_up_is_in_no_ceiling() -> None:
    """Eight samples are read first in it, for 0.2 s; all others take 0.6 s."""
    profile = profile_loader(DataLoader(SlowAtFirst(8), 4), batches=30, warmup=2)
    (lane,) = profile.workers.lanes
    assert (lane.batches, lane.samples) == (30, 120)
    assert profile.wall_seconds is not None
    # All work is that of the steps, which a cold read would have made 30 % longer.
    assert lane.busy_seconds == pytest.approx(30 * profile.wall_seconds, rel=0.1)
    assert lane.busy_seconds <= lane.wall_seconds <= 1.1 * lane.busy_seconds


def test_an_empty_loader_is_told_from_one_that_ends_too_soon() -> None:
    profile = profile_loader(DataLoader(Slow(3), 4, drop_last=True), batches=5, warmup=2)
    assert profile.verdict.kind == "INCOMPLETE" and profile.verdict.missing == (
        "the loader gives no batch: its dataset has 3 samples, a batch 4; take a smaller batch",
    )

    def once() -> Iterator[torch.Tensor]:
        yield from torch.ones(3, 4, 8)

    profile = profile_loader(once(), batches=5, warmup=4)
    assert profile.verdict.missing == (
        "the loader ended after 3 batches, all of them warm-up; measure with --warmup 0, or give "
        "one that can be gone through again",
    )
