"""Batches on a GPU: the values of the CPU engine, and no race with whatever the GPU is doing."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engines_here import has_dali, needs_dali
from loader_checks import assert_same
from torch.nn.utils.rnn import pack_sequence

from fastdata import FastLoader, create_pack, transforms
from fastdata.engines.work import Skip
from fastdata.errors import InputError, UsageError, WorkerError
from fastdata.loader.streaming import CudaMover, Sent
from fastdata.schema import Image, Schema

pytestmark = pytest.mark.needs_gpu

MEAN, STD = (0.48, 0.46, 0.41), (0.23, 0.22, 0.22)
WORKERS = [("cpu", 0), ("cpu", 1), ("torch", 0), ("torch", 2)]
# Half the distance of two neighbours among numbers from 2 to 4.
STEPS = {"float32": 0.0, "float16": 2**-10, "bfloat16": 2**-7}
# About 20 ms of a GPU's clock, far longer than anything that is launched beside it.
LONG_CYCLES = 40_000_000
MEGABYTES = 4 << 20


def chain(dtype: str = "float32") -> list[Any]:
    return [transforms.RandomCrop(20), transforms.Normalize(MEAN, STD, dtype)]


def options(**more: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"batch_size": 5, "shuffle": True, "seed": 3, "transforms": chain()}
    return plain | more


def on_host(batch: Any) -> Any:
    moved = (value.cpu() if isinstance(value, torch.Tensor) else value for value in batch)
    return type(batch)(*moved)


@pytest.mark.parametrize("dtype", STEPS)
@pytest.mark.parametrize(("engine", "workers"), WORKERS)
def test_batches_are_those_of_the_cpu_engine(
    photos: Path, engine: str, workers: int, dtype: str
) -> None:
    given = options(transforms=chain(dtype))
    loader = FastLoader(photos, engine=engine, num_workers=workers, device="cuda", **given)
    for found, expected in zip(loader, FastLoader(photos, **given), strict=True):
        assert {found.image.device.type, found.mask.device.type} == {"cuda"}
        assert (found.image.dtype, found.image.stride()) == (
            expected.image.dtype,
            expected.image.stride(),
        )
        apart = (found.image.cpu().double() - expected.image.double()).abs().max()
        assert apart <= 1e-6 + STEPS[dtype]
        assert_same(on_host(found)._replace(image=None), expected._replace(image=None))
        assert found.image.to("cuda", non_blocking=True) is found.image


def test_gathered_bytes_become_floats(grays: Path) -> None:
    given: dict[str, Any] = {"batch_size": 4, "transforms": transforms.ToFloat()}
    loader = FastLoader(grays, device="cuda", **given)
    assert loader.num_workers == 0
    for found, expected in zip(loader, FastLoader(grays, **given), strict=True):
        torch.testing.assert_close(found.image.cpu(), expected.image, rtol=0, atol=1e-6)
        assert_same(on_host(found)._replace(image=None), expected._replace(image=None))


@pytest.mark.parametrize("pin", [True, False])
def test_arrays_and_samples_of_ones_own(pin: bool) -> None:
    values = torch.arange(40.0).reshape(10, 4)
    arrays = FastLoader({"x": values.numpy()}, 4, device="cuda", pin_memory=pin)
    own = FastLoader(list(values), 4, num_workers=1, device="cuda", pin_memory=pin)
    for batch, rows, expected in zip(arrays, own, values.split(4), strict=True):
        assert_same([batch["x"].cpu(), rows.cpu()], [expected, expected])


def test_what_moves_by_itself_is_moved() -> None:
    sequences = [torch.arange(3.0), torch.arange(2.0)]
    loader = FastLoader(sequences, 2, num_workers=0, collate_fn=pack_sequence, device="cuda")
    (packed,) = loader
    assert packed.data.tolist() == [0, 0, 1, 1, 2]
    assert packed.data.device.type == "cuda"


def test_samples_that_are_on_the_gpu_stay_there() -> None:
    values = torch.arange(6.0, device="cuda")
    (batch,) = FastLoader(values, 6, device="cuda")
    assert batch.tolist() == values.tolist()


class Unguarded(CudaMover):
    """Leaves out one of the guards."""

    without = ""

    def take(self, sent: Sent) -> Any:
        if self.without == "waiting":
            sent = sent._replace(copied=torch.cuda.Event())
            sent.copied.record(torch.cuda.Stream())
        return super().take(sent._replace(tensors=()) if self.without == "recording" else sent)


def wrong_sums(mover: CudaMover, slow: str) -> list[tuple[int, int]]:
    """Which batches were read as others, (number expected, sum found), when one side is slow.

    Each is let go as soon as its sum has been asked for, while the GPU has yet to begin with it.
    """
    consumer = torch.cuda.Stream()
    # To take pinned memory from the system waits for the GPU, which would hide a race; what is
    # given back here is enough for the loop.
    kept = [torch.empty(MEGABYTES, dtype=torch.uint8, pin_memory=True) for _ in range(60)]
    del kept
    found = []
    for number in range(1, 25):
        with torch.cuda.stream(mover._stream):
            torch.cuda._sleep(LONG_CYCLES if slow == "copy" else 1)
        sent = mover.send(torch.full((MEGABYTES,), number, dtype=torch.uint8).pin_memory())
        # Pinned memory that the copy still reads must not be given to this.
        torch.empty(MEGABYTES, dtype=torch.uint8, pin_memory=True).fill_(99)
        with torch.cuda.stream(consumer):
            batch = mover.take(sent)
            del sent
            torch.cuda._sleep(LONG_CYCLES if slow == "consumer" else 1)
            found.append(batch.sum(dtype=torch.int64))
            del batch
    torch.cuda.synchronize()
    sums = enumerate((int(total) for total in found), start=1)
    return [(number, total) for number, total in sums if total != number * MEGABYTES]


@pytest.mark.parametrize("slow", ["copy", "consumer"])
def test_a_batch_is_read_whole_whoever_is_slow(slow: str) -> None:
    assert wrong_sums(CudaMover(gpu(), None, engine="cpu", pin=True), slow) == []


@pytest.mark.parametrize(("guard", "slow"), [("waiting", "copy"), ("recording", "consumer")])
def test_without_a_guard_the_test_above_would_notice(guard: str, slow: str) -> None:
    mover = Unguarded(gpu(), None, engine="cpu", pin=True)
    mover.without = guard
    assert len(wrong_sums(mover, slow)) > 2


@pytest.mark.parametrize("engine", ["cpu", pytest.param("dali", marks=needs_dali)])
def test_a_batch_is_handed_out_while_the_gpu_is_busy(photos: Path, engine: str) -> None:
    batches = iter(FastLoader(photos, engine=engine, num_workers=1, device="cuda", **options()))
    # The first ones take memory from the system, which waits for the GPU.
    for _ in range(3):
        next(batches)
    torch.cuda.synchronize()
    torch.cuda._sleep(10 * LONG_CYCLES)
    done = torch.cuda.Event()
    done.record()
    next(batches)
    assert not done.query()


def gpu() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device())


@pytest.mark.parametrize(("engine", "workers"), WORKERS)
def test_a_slow_reader_on_changing_streams_reads_each_batch_as_it_was(
    photos: Path, engine: str, workers: int
) -> None:
    given = options(batch_size=2, transforms=chain()[:1])
    expected = [int(batch.image.sum()) for batch in FastLoader(photos, **given)]
    streams = [torch.cuda.Stream() for _ in range(3)]
    found = []
    batches = iter(FastLoader(photos, engine=engine, num_workers=workers, device="cuda", **given))
    for number in range(len(expected)):
        with torch.cuda.stream(streams[number % 3]):
            batch = next(batches)
            torch.cuda._sleep(LONG_CYCLES)
            found.append(batch.image.sum(dtype=torch.int64))
            del batch
    torch.cuda.synchronize()
    assert [int(total) for total in found] == expected


def test_batches_that_are_held_stay_what_they_were(photos: Path) -> None:
    held = list(FastLoader(photos, device="cuda", **options()))
    again = list(FastLoader(photos, device="cuda", **options()))
    assert_same([on_host(batch) for batch in held], [on_host(batch) for batch in again])


def test_two_loaders_at_once_and_a_state_that_counts_what_was_handed_out(photos: Path) -> None:
    expected = [batch.name for batch in FastLoader(photos, **options())]
    one, two = (FastLoader(photos, device="cuda", **options()) for _ in range(2))
    found = []
    for first, second in zip(one, two, strict=True):
        assert first.name == second.name
        assert torch.equal(first.image, second.image)
        found.append(first.name)
        assert one.state_dict()["batches"] == len(found)
    assert found == expected


@pytest.mark.parametrize(("engine", "workers"), WORKERS)
def test_errors_come_in_their_turn_and_bad_samples_are_left_out(
    photos: Path, engine: str, workers: int
) -> None:
    given = options(
        batch_size=1,
        shuffle=None,
        sampler=[3, 4, 1, 5],
        transforms=[transforms.RandomCrop(42), transforms.ToFloat()],
        engine=engine,
        num_workers=workers,
        device="cuda",
    )
    batches = iter(FastLoader(photos, **given))
    assert [next(batches).name for _ in range(2)] == [["photo 3"], ["photo 4"]]
    with pytest.raises(InputError, match=r"^group/1.jpg"):
        next(batches)
    assert next(batches).name == ["photo 5"]
    loader = FastLoader(photos, on_bad="skip", **given)
    assert [batch.name for batch in loader] == [["photo 3"], ["photo 4"], ["photo 5"]]
    assert [skip.sample for skip in loader.skipped if isinstance(skip, Skip)] == [1]


@pytest.mark.parametrize(("engine", "workers"), WORKERS[:3])
def test_epochs_that_are_broken_off_leave_no_memory_behind(
    photos: Path, engine: str, workers: int
) -> None:
    def broken_off() -> int:
        batches = iter(
            FastLoader(photos, engine=engine, num_workers=workers, device="cuda", **options())
        )
        next(batches), next(batches)
        del batches
        gc.collect()
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        return torch.cuda.memory_allocated()

    first = broken_off()
    assert max(broken_off() for _ in range(20)) <= first


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
def test_taking_batches_waits_for_nothing(photos: Path) -> None:
    batches = iter(FastLoader(photos, num_workers=1, device="cuda", **options()))
    next(batches)
    try:
        torch.cuda.set_sync_debug_mode("error")
        rest = list(batches)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len(rest) == 5


def test_the_copy_runs_beside_the_consumers_work() -> None:
    """A batch is on the GPU long before the kernel ends that the consumer started before it."""
    mover = CudaMover(gpu(), None, engine="cpu", pin=True)
    bytes_ = torch.ones(MEGABYTES, dtype=torch.uint8)
    # Memory that is asked of the driver may wait for the GPU; this is used again.
    mover.take(mover.send(bytes_))
    torch.cuda.synchronize()
    torch.cuda._sleep(50 * LONG_CYCLES)
    busy = torch.cuda.current_stream().record_event()
    mover.send(bytes_).copied.synchronize()
    assert not busy.query()
    torch.cuda.synchronize()


def test_another_gpu_than_the_current_one(photos: Path) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("one GPU")
    for batch in FastLoader(photos, device="cuda:1", num_workers=1, **options()):
        assert batch.image.device == torch.device("cuda:1")
    assert torch.cuda.current_device() == 0


LOST = """
import sys, torch
import fastdata
from fastdata import transforms
loader = fastdata.FastLoader(
    sys.argv[1], 1, engine=sys.argv[2], num_workers=1, device="cuda", fields=["image"],
    transforms=[transforms.CenterCrop(20), transforms.ToFloat()])
batches = iter(loader)
next(batches)
# An index out of range: every later call fails, as after a GPU was lost.
torch.zeros(4, device="cuda")[torch.tensor([9], device="cuda")]
for _ in range(30):
    try:
        next(batches)
    except fastdata.FastDataError as error:
        print(type(error).__name__, error, flush=True)
        break
"""


@pytest.mark.parametrize("engine", ["cpu", "torch"])
def test_a_gpu_that_fails_in_the_middle_is_an_error_and_no_hang(photos: Path, engine: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", LOST, str(photos), engine], capture_output=True, text=True
    )
    assert run.stdout.startswith(
        f"{WorkerError.__name__} cuda:0 failed while a batch of the '{engine}' engine was copied"
    ), run.stdout + run.stderr


def test_a_gpu_too_many_is_told(photos: Path) -> None:
    beyond = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(UsageError, match=rf"^device='{beyond}': .* torch sees {beyond[5:]} GPU"):
        FastLoader(photos, device=beyond)


def test_auto_weighs_the_cores_against_the_gpu(photos: Path, tmp_path: Path) -> None:
    """Small images stay with the cores; large ones go to DALI where there are few cores."""
    small = FastLoader(photos, num_workers=1, device="cuda", transforms=chain()).explain()
    assert small.engine == "cpu"
    assert "too small to gain from a GPU" in small.reason
    with create_pack(tmp_path / "large.lmdb", Schema({"image": Image(codec="jpeg")})) as writer:
        for _ in range(2):
            writer.add(image=np.zeros((400, 500, 3), np.uint8))
    given: dict[str, Any] = {"device": "cuda", "transforms": transforms.RandomResizedCrop(64)}
    few = FastLoader(tmp_path / "large.lmdb", num_workers=2, **given).explain()
    many = FastLoader(tmp_path / "large.lmdb", num_workers=64, **given).explain()
    assert few.engine == ("dali" if has_dali() else "cpu")
    assert has_dali() or "DALI is not installed; pip install" in few.reason
    assert many.engine == "cpu"
    assert "64 cores make about" in many.reason


def test_numbers_of_images_are_those_that_numpy_computes(grays: Path) -> None:
    (raw,) = FastLoader(grays, 26, fields=["image"])
    normalize = transforms.Normalize((0.4,), (0.3,))
    (found,) = FastLoader(grays, 26, fields=["image"], transforms=normalize, device="cuda")
    expected = (raw.image.numpy().astype(np.float64) / 255 - 0.4) / 0.3
    np.testing.assert_allclose(found.image.cpu().numpy(), expected, atol=1e-6)
