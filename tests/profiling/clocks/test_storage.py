"""Whether bytes came from storage or from the page cache, seen without any rights."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from profiles import data_bound
from torch.utils.data import DataLoader, Dataset

from fastdata.profiling import Profile
from fastdata.profiling.alone import profile_loader
from fastdata.profiling.clocks.residency import cached_pages
from fastdata.profiling.clocks.storage import StorageMeter
from fastdata.profiling.record import Workers
from fastdata.profiling.record.readings import reading_line

pytestmark = pytest.mark.alone

FILES, FILE_BYTES = 64, 1 << 20


def let_go(path: Path) -> None:
    """Takes a file out of the page cache, or skips where its file system is one itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        for _ in range(20):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            seen, cached = cached_pages(descriptor, [FILE_BYTES // 2])
            if seen and not cached:
                return
            time.sleep(0.05)  # some of it is still on its way to the disk
        pytest.skip("files here cannot be taken out of the page cache")
    finally:
        os.close(descriptor)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    for number in range(FILES):
        (tmp_path / f"{number}.bin").write_bytes(draw.bytes(FILE_BYTES))
    return tmp_path


class Opened(Dataset[torch.Tensor]):
    """Reads a file a sample."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __len__(self) -> int:
        return FILES

    def __getitem__(self, index: int) -> torch.Tensor:
        with open(self.folder / f"{index}.bin", "rb") as file:
            return torch.tensor(len(file.read()))


class Mapped(Opened):
    """Maps it instead: no call reads."""

    def __getitem__(self, index: int) -> torch.Tensor:
        pixels = np.memmap(self.folder / f"{index}.bin", np.uint8, "r")
        return torch.tensor(int(pixels[::4096].sum()))


def measure(dataset: Dataset[torch.Tensor], workers: int) -> Profile:
    loader = DataLoader(dataset, 4, num_workers=workers)
    return profile_loader(loader, batches=FILES // 4, warmup=0)


def page_fault_seconds(profile: Profile) -> float:
    return sum(
        one.total_seconds for one in profile.workers.stages if one.operation == "page faults"
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_a_cold_cache_is_told_from_a_warm_one(folder: Path, workers: int) -> None:
    for number in range(FILES):
        let_go(folder / f"{number}.bin")
    cold = measure(Opened(folder), workers).workers.reading
    warm = measure(Opened(folder), workers).workers.reading
    assert cold is not None and cold.storage_share is not None
    assert warm is not None and warm.storage_share is not None
    assert cold.storage_share > 0.5 and warm.storage_share < 0.1
    # All but the first batch's, and what came after the last look at the account.
    for reading in (cold, warm):
        assert 0.4 * FILES * FILE_BYTES < reading.asked_bytes < 1.2 * FILES * FILE_BYTES
    assert cold.cached_share is not None and warm.cached_share is not None
    assert cold.cached_share < 0.5 < warm.cached_share


def test_waiting_for_a_mapped_file_is_reading(folder: Path) -> None:
    for number in range(FILES):
        let_go(folder / f"{number}.bin")
    cold, warm = measure(Mapped(folder), 0), measure(Mapped(folder), 0)
    assert cold.workers.reading is not None and cold.workers.reading.page_faults > FILES / 2
    assert page_fault_seconds(cold) > 10 * page_fault_seconds(warm)
    (read,) = (s for s in cold.workers.stages if (s.name, s.operation) == ("read", ""))
    assert read.total_seconds >= page_fault_seconds(cold) > 0


def test_where_the_kernel_gives_no_account_that_is_said() -> None:
    times = iter([0.0, 1.0])
    meter = StorageMeter("/proc/none/io", clock=lambda: next(times))
    assert meter.take() == {}  # of a first batch nothing is said
    assert meter.take() == {"uncounted": 1}


FORKS = """
import os, sys
from fastdata.profiling.clocks.storage import StorageMeter

meter = StorageMeter()
meter.take()
meter.take()
if not os.fork():
    meter.take()
    open(sys.argv[1], "rb").read()
    print(meter.take()["read_bytes"], flush=True)
    os._exit(0)
os.wait()
"""


def test_a_forked_process_counts_its_own_reads(folder: Path) -> None:
    words = [sys.executable, "-c", FORKS, folder / "0.bin"]
    read = int(subprocess.run(words, capture_output=True, check=True).stdout)
    assert FILE_BYTES <= read < 2 * FILE_BYTES


def test_the_line_names_what_is_known_and_what_is_not() -> None:
    workers = data_bound().workers
    assert workers.reading is not None
    assert reading_line(workers) == (
        "read 4% of the workers' time, 65% of bytes from storage, 74.2 MB/s"
    )
    hidden = dataclasses.replace(
        workers.reading, storage_bytes=None, storage_share=None, bytes_per_second=None
    )
    assert reading_line(dataclasses.replace(workers, reading=hidden)) == (
        "read 4% of the workers' time, what came from storage is not known (/proc/<pid>/io cannot "
        "be read); 31% of the pages looked at were cached"
    )
    assert reading_line(Workers()) is None
