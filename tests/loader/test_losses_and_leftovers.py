"""Bad samples, lost workers, and what is left when an epoch is broken off: nothing."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from engines_here import PLACES, needs_dali
from loader_datasets import Faulty, Killer, Scaled
from torch.utils.data import TensorDataset

from fastdata import FastLoader, open_pack, transforms
from fastdata.errors import InputError, PackCorrupt, SharedMemoryFull, UsageError, WorkerDied
from fastdata.packs import create_pack
from fastdata.schema import Image, Label, Schema

CROPS = [transforms.RandomResizedCrop(16)]


@pytest.fixture(scope="session")
def damaged(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photos with one byte of the fourth image changed."""
    path = tmp_path_factory.mktemp("damaged") / "photos.lmdb"
    shutil.copytree(photos, path)
    with open_pack(photos) as pack:
        record = bytes(pack.records("image", [3])[0])
    data = bytearray((path / "data.mdb").read_bytes())
    data[data.index(record) + len(record) // 2] ^= 1
    (path / "data.mdb").write_bytes(data)
    return path


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_sample_is_an_error_that_names_it(
    damaged: Path, place: dict[str, str], workers: int
) -> None:
    loader = FastLoader(damaged, 2, transforms=CROPS, **place, num_workers=workers)
    with pytest.raises(PackCorrupt, match=r"group/3\.jpg"):
        list(loader)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_sample_is_left_out_when_told_so(
    damaged: Path, place: dict[str, str], workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    loader = FastLoader(damaged, 2, transforms=CROPS, **place, num_workers=workers, on_bad="skip")
    with caplog.at_level(logging.WARNING, "fastdata"):
        names = [batch.name for _ in range(2) for batch in loader]
    assert names[:2] == [["photo 0", "photo 1"], ["photo 2"]]
    assert len(names) == 26
    ((sample, key, reason),) = loader.skipped
    assert (sample, key) == (3, "group/3.jpg")
    assert "CRC" in reason or "checksum" in reason
    (record,) = caplog.records
    assert "group/3.jpg" in record.getMessage()


@pytest.mark.parametrize("place", PLACES)
def test_a_batch_of_nothing_but_bad_samples_is_left_out(
    damaged: Path, place: dict[str, str]
) -> None:
    loader = FastLoader(damaged, 1, transforms=CROPS, **place, num_workers=2, on_bad="skip")
    assert len(list(loader)) == len(loader) - 1


@pytest.mark.parametrize("place", PLACES)
def test_a_sample_too_small_for_its_crop_is_named_or_left_out(
    photos: Path, place: dict[str, str]
) -> None:
    options: dict[str, Any] = {"transforms": [transforms.CenterCrop(45)], "num_workers": 1, **place}
    with pytest.raises(InputError, match=r"group/0\.jpg"):
        next(iter(FastLoader(photos, 4, **options)))
    loader = FastLoader(photos, 26, **options, on_bad="skip")
    assert len(next(iter(loader)).name) == 21
    assert [key for _, key, _ in loader.skipped] == [f"group/{n}.jpg" for n in range(5)]


def test_a_damaged_row_is_left_out_of_gathers_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.h5"
    rows = np.random.default_rng(0).integers(0, 256, (8, 200, 400, 1), dtype=np.uint8)
    schema = Schema({"image": Image(codec="raw", channels=1, shape=(200, 400)), "label": Label()})
    with create_pack(path, schema) as writer:
        for index, row in enumerate(rows):
            writer.add(image=row, label=index)
    data = bytearray(path.read_bytes())
    data[data.index(rows[5].tobytes()) + 1000] ^= 8
    path.write_bytes(data)
    with pytest.raises(PackCorrupt):
        list(FastLoader(path, 2))
    loader = FastLoader(path, 2, on_bad="skip")
    assert [batch.label.tolist() for batch in loader] == [[0, 1], [2, 3], [4], [6, 7]]
    assert [sample for sample, _, _ in loader.skipped] == [5]


def test_a_gather_that_failed_does_not_look_complete(damaged: Path) -> None:
    loader = FastLoader(TensorDataset(torch.arange(6)), 2, sampler=[0, 1, 9, 2, 3, 4])
    iterator = iter(loader)
    next(iterator)
    with pytest.raises(IndexError):
        next(iterator)
    with pytest.raises(RuntimeError, match="broken off: sample 9 of a dataset of 6"):
        next(iterator)


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_of_any_dataset_are_left_out(workers: int) -> None:
    loader = FastLoader(Faulty(), 3, num_workers=workers, on_bad="skip")
    assert [batch.tolist() for batch in loader] == [[0, 2], [3, 5], [6, 8]]
    assert loader.skipped == tuple(
        (index, f"sample {index}", f"ValueError: no sample {index}") for index in (1, 4, 7)
    )
    assert list(FastLoader(Faulty(), None, num_workers=workers, on_bad="skip")) == [
        0,
        2,
        3,
        5,
        6,
        8,
    ]


@pytest.mark.parametrize("workers", [0, 1])
def test_samples_on_which_a_mapped_function_fails_are_left_out(photos: Path, workers: int) -> None:
    with open_pack(photos) as pack:
        loader = FastLoader(pack.map(Scaled()), 6, num_workers=workers, on_bad="skip")
        assert next(iter(loader)).tolist() == [0, 10, 0, 10]
        assert loader.skipped[0] == (2, "group/2.jpg", "ZeroDivisionError: label 2")
        failing = FastLoader(pack.map(Scaled()), 6, num_workers=workers)
        with pytest.raises(ZeroDivisionError):
            next(iter(failing))


def test_an_iterable_dataset_cannot_skip() -> None:
    class Stream(torch.utils.data.IterableDataset[int]):
        def __iter__(self) -> Any:
            return iter(range(3))

    with pytest.raises(UsageError, match="IterableDataset"):
        FastLoader(Stream(), on_bad="skip")


# torch raises its error from a signal handler, so it may come while a callback runs that cannot
# pass an exception on (hypothesis installs one for the garbage collection); Python then reports it
# as unraisable, and torch finds the lost worker at its next look.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("how", "words"),
    [("SIGKILL", r"signal 9 \(SIGKILL\)"), ("SIGTERM", "signal 15"), ("exit", "exit code 5")],
)
def test_a_lost_worker_is_named_with_what_ended_it(how: str, words: str) -> None:
    loader = FastLoader(Killer(how), 2, num_workers=2)
    with pytest.raises(WorkerDied, match=rf"pid \d+.*{words}") as found:
        list(loader)
    assert isinstance(found.value, RuntimeError)
    assert found.value.exit_code == 6
    # The loader itself is fit for another try.
    with pytest.raises(WorkerDied):
        list(loader)


def test_a_lack_of_shared_memory_is_explained() -> None:
    from fastdata.engines.losses import explained

    text = (
        "Caught RuntimeError in DataLoader worker process 0.\n  ...\n"
        "RuntimeError: unable to allocate shared memory(shm) for file </torch_1_2_3>: "
        "No space left on device (28)"
    )
    error = explained(RuntimeError(text), None)
    assert isinstance(error, SharedMemoryFull)
    assert "--shm-size" in str(error)
    assert explained(RuntimeError("shapes do not match"), None) is None


SMALL_SHM = """
import sys, torch
from fastdata import FastLoader
from fastdata.errors import SharedMemoryFull
samples = [torch.zeros(3, 100, 100)] * 32
for options in ({}, {"on_bad": "skip"}, {"collate_fn": torch.stack}):
    try:
        list(FastLoader(samples, 16, num_workers=1, **options))
    except SharedMemoryFull as error:
        print("full" if "--shm-size" in str(error) else error)
"""


def test_a_small_dev_shm_is_an_error_and_no_hang() -> None:
    mount = "mount -t tmpfs -o size=256k tmpfs /dev/shm"
    tool = shutil.which("unshare")
    if not tool or subprocess.run([tool, "-m", "sh", "-c", mount], capture_output=True).returncode:
        pytest.skip("mounting a file system is not allowed here")
    result = subprocess.run(
        [tool, "-m", "sh", "-c", f'{mount} && exec "$0" -c "$1"', sys.executable, SMALL_SHM],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.stdout.split() == ["full"] * 3, result.stderr


def left_over() -> list[Any]:
    gc.collect()
    for thread in threading.enumerate():
        # The queues of ended workers are closed by threads of their own, which are about to end.
        if thread.name == "QueueFeederThread":
            thread.join(timeout=10)
    names = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
    return [*names, *multiprocessing.active_children()]


OPTIONS: dict[str, dict[str, Any]] = {
    "threads": {"num_workers": 2},
    "one thread": {"num_workers": 1},
    "processes": {"num_workers": 2, "engine": "torch"},
    "kept processes": {"num_workers": 1, "engine": "torch", "persistent_workers": True},
    "dali": {"num_workers": 2, "engine": "dali"},
}
OPTION_NAMES = [pytest.param("dali", marks=needs_dali) if n == "dali" else n for n in OPTIONS]


@pytest.mark.parametrize("name", OPTION_NAMES)
@pytest.mark.parametrize("how", ["break", "error", "drop", "finish"])
def test_nothing_is_left(photos: Path, damaged: Path, name: str, how: str) -> None:
    before = left_over()
    path = damaged if how == "error" else photos
    loader = FastLoader(path, 2, transforms=CROPS, **OPTIONS[name])
    if how == "break":
        for _ in loader:
            break
    elif how == "error":
        with pytest.raises(PackCorrupt):
            list(loader)
    elif how == "drop":
        iterator = iter(loader)
        next(iterator)
        del iterator
    else:
        list(loader)
    # After a whole epoch the next one is begun with, or workers stay for it.
    if name != "kept processes" and how != "finish":
        assert left_over() == before
    del loader
    assert left_over() == before


SCRIPT = """
import sys
from fastdata import FastLoader, transforms
crops = [transforms.RandomResizedCrop(16)]
place = dict(zip(["engine", "device"], sys.argv[2:]))
loader = FastLoader(sys.argv[1], 2, transforms=crops, num_workers=2, **place)
kept = iter(loader)
next(kept)
print("done")
"""


@pytest.mark.parametrize("place", PLACES)
def test_a_program_may_end_in_the_middle_of_an_epoch(photos: Path, place: dict[str, str]) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(photos), *place.values()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")


def test_a_fork_after_an_epoch_reads_on(photos: Path) -> None:
    loader = FastLoader(photos, 5, transforms=CROPS, seed=1, num_workers=0)
    loader.set_epoch(0)
    expected = [batch.image.sum().item() for batch in loader]
    child = os.fork()
    if child == 0:
        os._exit(0 if [b.image.sum().item() for b in loader] == expected else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_open_files_do_not_grow(photos: Path) -> None:
    loader = FastLoader(photos, 4, transforms=CROPS, num_workers=2)
    list(islice(loader, 2))
    before = psutil.Process().num_fds()
    for _ in range(5):
        list(islice(loader, 2))
    gc.collect()
    assert psutil.Process().num_fds() <= before
