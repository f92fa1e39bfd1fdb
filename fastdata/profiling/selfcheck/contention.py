"""The gate on contention: a loader that burns CPU time beside steps that burn it on all cores.

What a profile measured of a batch that is given again, beside a running loader, is done for real.
Both are told as multiples of such a step without a loader, since how fast the cores are may change
between the two runs.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from fastdata.hardware import read_machine
from fastdata.profiling.findings.estimates import difference, median_of, relative_change
from fastdata.profiling.findings.whatif import BESIDE, READY
from fastdata.profiling.profiler import Profiler
from fastdata.profiling.record import Estimate
from fastdata.profiling.selfcheck.check import Check
from fastdata.profiling.selfcheck.sleepers import Delays, SlowModel, SlowOptimizer

__all__ = ["contention"]

# Several of the slices in which the kernel shares out a core, 3 ms each.
_STEP_SECONDS = 0.012
_WARMUP, _NORMAL = 2, 6
# Of the ratio, which is 2 for even shares of the cores. Whoever sees no contention is off by half;
# what other programs take changes it by up to a third between the two runs.
_TOLERANCE = 1 / 3
# As many as cores, so that steps lose half of them; more take long to start.
_MOST_WORKERS = 16
_BLOCK = bytes(1 << 18)


def contention(*, steps: int = 14) -> Iterator[Check]:
    """How much longer a running loader makes steps: as a profile predicts, and as it comes.

    Args:
        steps: Measured of each kind.
    """
    cores = read_machine().cores
    training = _Training(_blocks(_STEP_SECONDS), cores=cores)
    loader = DataLoader(
        Burning(training.blocks), batch_size=None, num_workers=min(cores, _MOST_WORKERS)
    )
    predicted = _predicted(training, loader, steps)
    got = _got(training, loader, steps)
    error = difference(got, predicted)
    reach = error.median - error.low if error.median > 0 else error.high - error.median
    yield Check(
        gate="ledger",
        case=f"{BESIDE}, measured: {error.median / got.median:+.1%} of the step",
        expected=got.median,
        measured=predicted.median,
        tolerance=max(_TOLERANCE * got.median, reach),
        unit="times the step alone",
    )


class Burning(Dataset[int]):
    """Samples without end that keep a core busy.

    Args:
        blocks: For each.
    """

    def __init__(self, blocks: int) -> None:
        self._blocks = blocks

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, index: int) -> int:
        _burn(self._blocks)
        return index


class _Training:
    """Steps on all cores.

    Args:
        blocks: On each core.
        cores: So many.
    """

    def __init__(self, blocks: int, *, cores: int) -> None:
        self.blocks = blocks
        self._cores = cores
        self._model = SlowModel(Delays())
        self._optimizer = SlowOptimizer(self._model, Delays())

    def step(self, batch: int) -> None:
        """One of them."""
        threads = [
            threading.Thread(target=_burn, args=(self.blocks,)) for _ in range(1, self._cores)
        ]
        for thread in threads:
            thread.start()
        _burn(self.blocks)
        for thread in threads:
            thread.join()
        self._model(torch.tensor([float(batch)])).backward()
        self._optimizer.step()

    def seconds(self, steps: int) -> Estimate:
        """Of a step with a batch that is there."""
        found = []
        for _ in range(steps):
            start = time.perf_counter()
            self.step(0)
            found.append(time.perf_counter() - start)
        return median_of(found)


def _predicted(training: _Training, loader: DataLoader[int], steps: int) -> Estimate:
    with Profiler(warmup=_WARMUP, steps=_NORMAL, replay=steps) as profiler:
        for number, batch in enumerate(loader, 1):
            training.step(batch)
            if number == _WARMUP + _NORMAL + 4 * steps:
                break
    found = {one.name: one.step_seconds for one in profiler.report().what_if}
    return _ratio(found[READY], found[BESIDE])


def _got(training: _Training, loader: DataLoader[int], steps: int) -> Estimate:
    alone = training.seconds(steps)
    batches = iter(loader)
    next(batches)
    stopped = threading.Event()
    taking = threading.Thread(target=_take, args=(batches, stopped))
    taking.start()
    try:
        return _ratio(alone, training.seconds(steps))
    finally:
        stopped.set()
        taking.join()


def _ratio(alone: Estimate, beside: Estimate) -> Estimate:
    change = relative_change(alone, beside)
    return Estimate(median=1 + change.median, low=1 + change.low, high=1 + change.high)


def _take(batches: Iterator[Any], stopped: threading.Event) -> None:
    while not stopped.is_set():
        next(batches)


def _blocks(seconds: float) -> int:
    """How many a core takes so long for."""
    start = time.thread_time()
    _burn(64)
    return max(1, round(64 * seconds / (time.thread_time() - start)))


def _burn(blocks: int) -> None:
    for _ in range(blocks):
        # Without the interpreter's lock.
        hashlib.sha256(_BLOCK).digest()
