"""The gate on what the profiler costs whoever makes batches of pictures."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from fastdata.profiling.clocks.splitting import SPLIT_SHARE
from fastdata.profiling.findings.estimates import median_of
from fastdata.profiling.hooks.staging import STAGES
from fastdata.profiling.profiler import Profiler
from fastdata.profiling.record import Estimate
from fastdata.profiling.recorders.recorder import current, use
from fastdata.profiling.selfcheck.check import Check

__all__ = ["decoding", "decoding_cost"]

_MOST = 0.01
_FILES = 16
_BATCH_SIZE = 8
_WARMUP = 4
_LOOK_AFTER = 100
# Of the interval, as a share of a batch.
_WIDTH = 0.0025


def decoding(*, most_pairs: int = 3000) -> Iterator[Check]:
    """What the profiler costs a batch that Pillow decodes, at most, in CPU time of its thread.

    A gate of its own beside the one on the training thread: a decoder leaves nothing of the
    profiler's code in the caches, and what costs a microsecond elsewhere costs ten here.

    Args:
        most_pairs: See `decoding_cost`.
    """
    cost = decoding_cost(most_pairs=most_pairs)
    yield Check(
        gate="observer of decoding",
        case=f"photos by Pillow, {cost.median:.2%} in the median",
        expected=0.0,
        measured=cost.high,
        tolerance=_MOST,
        unit="of a batch",
    )


def decoding_cost(*, most_pairs: int) -> Estimate:
    """What it adds, as a share of a batch.

    Batches with and without it alternate as ABBA over the same pictures. Those that are split into
    stages are so many at the beginning that their cost is known apart from that of the others, and
    counts with the share that they have later.

    Args:
        most_pairs: Of equal batches with and without; fewer where the interval is narrow before.
    """
    added: dict[bool, list[float]] = {True: [], False: []}
    without: list[float] = []
    for number, (is_split, alone, watched) in enumerate(_pairs(most_pairs)):
        if number < _WARMUP:
            continue
        added[is_split].append(watched - alone)
        without.append(alone)
        # By its width and not by where it lies, which would choose among chances.
        if number % _LOOK_AFTER == 0 and (found := _cost(added, without)).high - found.low < _WIDTH:
            break
    return _cost(added, without)


def _cost(added: dict[bool, list[float]], without: list[float]) -> Estimate:
    batch = statistics.median(without)
    split, whole = median_of(added[True]), median_of(added[False])
    # The rare ones by their median alone: they are too few for ends that say something.
    rare, usual = SPLIT_SHARE * split.median / batch, (1 - SPLIT_SHARE) / batch
    return Estimate(
        median=rare + usual * whole.median,
        low=rare + usual * whole.low,
        high=rare + usual * whole.high,
    )


def _pairs(count: int) -> Iterator[tuple[bool, float, float]]:
    """Of each pair: whether a watched batch is split, and the seconds without and with."""
    with tempfile.TemporaryDirectory() as folder, Profiler(warmup=0) as profiler:
        photos = _Photos(Path(folder))
        halves = range(_BATCH_SIZE), range(_BATCH_SIZE, _FILES)
        order = itertools.chain.from_iterable((list(half),) * 2 for half in halves)
        loader = DataLoader(photos, batch_sampler=list(order) * (count // 2))
        recorder, batches = current(), iter(profiler.watch(loader))
        for number in range(count // 2 * 2):
            seconds: dict[bool, float] = {}
            is_split = False
            for is_on in (False, True) if number % 2 else (True, False):
                if not is_on:
                    STAGES.lay(False)
                    use(None)
                begun = time.thread_time()
                next(batches)
                seconds[is_on] = time.thread_time() - begun
                use(recorder)
                is_split = STAGES.is_laid if is_on else is_split
            yield is_split, seconds[False], seconds[True]


class _Photos(Dataset[torch.Tensor]):
    """Files of noise that a decoder takes as long for as for photos of 0.2 megapixels.

    Args:
        folder: Where they are written.
    """

    def __init__(self, folder: Path) -> None:
        random = np.random.default_rng(0)
        self._paths = [folder / f"{number}.jpg" for number in range(_FILES)]
        for path in self._paths:
            coarse = random.integers(0, 256, (94, 125, 3), np.uint8)
            Image.fromarray(coarse).resize((500, 375)).save(path, quality=95)

    def __len__(self) -> int:
        return _FILES

    def __getitem__(self, index: int) -> torch.Tensor:
        picture = Image.open(self._paths[index]).convert("RGB").resize((64, 64))
        return torch.from_numpy(np.array(picture))
