"""find_batch_size: the batch size at the knee of the throughput, by real steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.optim import Optimizer

from fastdata.errors import UsageError, WorkerError
from fastdata.hardware import Ranks, read_ranks
from fastdata.training.config import OptimizerConfig, TrainConfig
from fastdata.training.rng import preserved
from fastdata.training.stepping import Loss, StepFunction
from fastdata.tuning import cache
from fastdata.tuning.fingerprint import describe_device
from fastdata.tuning.globalbatch import agreed, divide, share_of_rank
from fastdata.tuning.memory import MemoryMeter, memory_meter
from fastdata.tuning.records import BatchSizeResult, Trial
from fastdata.tuning.sampling import MakeBatch, batch_maker
from fastdata.tuning.search import SearchRange, knee_of, next_size, run_search
from fastdata.tuning.work import Work

__all__ = ["find_batch_size"]

# Free memory moves a little all the time, which is no reason to search again.
_MUCH_MORE = 1.05


def find_batch_size(
    model: nn.Module,
    batches: Any,
    *,
    loss: Loss | None = None,
    step: StepFunction | None = None,
    optimizer: Optimizer | OptimizerConfig | Mapping[str, Any] | None = None,
    config: TrainConfig | Mapping[str, Any] | None = None,
    smallest: int = 2,
    largest: int = 4096,
    multiple_of: int = 8,
    knee: float = 0.95,
    memory_share: float = 0.9,
    memory_bytes: int | None = None,
    global_batch: int | None = None,
    use_cache: bool = True,
    report: Callable[[Trial], None] | None = None,
) -> BatchSizeResult:
    """The smallest batch size that trains nearly as fast as the best one that fits.

    ::

        found = fastdata.find_batch_size(model, loader, loss=nn.CrossEntropyLoss())
        loader = fastdata.FastLoader("photos.lmdb", found.batch_size, shuffle=True)

    Real steps (forward, backward, update) are done at sizes that double. The search stops before
    the memory is used up: a GPU's allocator that has to empty its cache counts as failure, and a
    size that is expected to pass the target is not tried. Of the sizes that fit it takes the knee,
    not the largest: samples a second level off long before the memory is full.

    Afterwards model, optimizer, random numbers and loader are what they were, bit for bit. The
    result is kept in the user's cache folder, and used again for the same model, batches, settings
    and machine as long as it fits the memory that there is.

    Args:
        model: Not wrapped in DistributedDataParallel.
        batches: A FastLoader, DataLoader, dataset or path of a pack, of which a few samples are
            used; or a function from a size to a batch.
        loss: As of a Trainer, for batches of (input, target); or else `step`.
        step: As of a Trainer: step(model, batch) returns the loss.
        optimizer: As of a Trainer.
        config: As of a Trainer; device, precision and arithmetic follow it, nothing is compiled.
        smallest: First size that is tried, from 1; batch normalisation cannot train on one sample.
        largest: Last size that may be tried.
        multiple_of: Sizes from it on are its multiples.
        knee: Share of the best rate that the chosen size must reach, in (0, 1].
        memory_share: Share of the memory that steps may take, in (0, 1]; the rest is headroom for
            what differs between steps.
        memory_bytes: Memory to take the share of. None: what this process holds and what is free
            besides, on the GPU or within the container's limit, which ranks on a CPU share.
        global_batch: Samples of one step of all ranks, kept by accumulation: the batch size is then
            a divisor of each rank's share.
        use_cache: Whether an earlier result may be returned, and this one is kept.
        report: Told of each trial when it is done.

    Raises:
        UsageError: Arguments that do not fit each other.
        WorkerError: Not even the smallest size fits.
    """
    ranks = read_ranks()
    limits = SearchRange(smallest=smallest, largest=largest, multiple_of=multiple_of, knee=knee)
    share = None if global_batch is None else share_of_rank(global_batch, ranks.world)
    work = Work.of(model, loss=loss, step=step, optimizer=optimizer, config=config)
    with preserved(work.device):
        make, meter = batch_maker(batches), memory_meter(work.device)
        target = _target_bytes(meter, work, ranks, share=memory_share, given=memory_bytes)
        search = _Search(work, make, meter, limits.up_to(share), target)
        found = search.result(use_cache=use_cache, report=report)
        size = agreed(found.batch_size, work.device)
    return _shared_out(found, size, share, ranks)


def _target_bytes(
    meter: MemoryMeter, work: Work, ranks: Ranks, *, share: float, given: int | None
) -> int:
    if not 0 < share <= 1:
        raise UsageError(f"memory_share={share!r}; expected a share above 0 and up to 1")
    if given is not None and (type(given) is not int or given < 1):
        raise UsageError(f"memory_bytes={given!r}; expected a whole number of bytes")
    if given is None:
        sharers = ranks.local_world if work.device.type == "cpu" else 1
        given = meter.available_bytes() // sharers
    return int(share * given) - work.average_bytes()


@dataclass(frozen=True)
class _Search:
    """One search, before global batch and other ranks bear on what it finds."""

    work: Work
    make: MakeBatch
    meter: MemoryMeter
    limits: SearchRange
    target_bytes: int

    def result(self, *, use_cache: bool, report: Callable[[Trial], None] | None) -> BatchSizeResult:
        """That of an earlier search where it still holds, else that of this one."""
        work, limits, target = self.work, self.limits, self.target_bytes
        key = cache.cache_key(work.describe(self.make) | dataclasses.asdict(limits))
        kept = cache.load(key) if use_cache else None
        if kept is not None and self._holds(kept):
            return kept
        with work.trials(self.make, self.meter, target_bytes=target, report=report) as measure:
            trials = run_search(measure, limits, target_bytes=target)
        found = self._conclude(trials)
        if use_cache:
            cache.store(key, found)
        return found

    def _holds(self, kept: BatchSizeResult) -> bool:
        """Whether it fits the memory there is now, and no more could be had of it."""
        chosen = next(trial for trial in kept.trials if trial.batch_size == kept.batch_size)
        if chosen.peak_bytes > self.target_bytes:
            return False
        fitting = [trial for trial in kept.trials if trial.fits]
        has_grown = self.target_bytes > _MUCH_MORE * kept.target_bytes
        return not has_grown or (
            next_size(fitting, self.limits, target_bytes=self.target_bytes) is None
        )

    def _conclude(self, trials: tuple[Trial, ...]) -> BatchSizeResult:
        knee, device = knee_of(trials, self.limits.knee), self.work.device
        if knee is None:
            first = trials[0]
            raise WorkerError(
                f"a batch of {first.batch_size} takes {first.peak_bytes / 1e9:.2f} GB "
                f"({first.verdict}), and the target is {self.target_bytes / 1e9:.2f} GB on "
                f"{device}; use smaller images or a smaller model, or raise memory_share or "
                "memory_bytes"
            )
        return BatchSizeResult(
            batch_size=knee.batch_size,
            accumulate=1,
            global_batch=knee.batch_size,
            reason=_reason(trials, knee, self.limits),
            trials=trials,
            target_bytes=self.target_bytes,
            device=describe_device(device),
            precision=self.work.precision,
        )


def _reason(trials: tuple[Trial, ...], knee: Trial, limits: SearchRange) -> str:
    fitting = [trial for trial in trials if trial.fits]
    best = max(fitting, key=lambda trial: trial.samples_per_second)
    largest = max(trial.batch_size for trial in fitting)
    if knee.batch_size < largest:
        share = knee.samples_per_second / best.samples_per_second
        return (
            f"the smallest with at least {limits.knee:.0%} of the best rate: "
            f"{share:.0%} of that of {best.batch_size}"
        )
    if any(not trial.fits for trial in trials) or largest < limits.largest:
        return "the largest that fits the memory; the rate still grows there"
    return f"the largest allowed ({limits.largest}); the rate still grows there"


def _shared_out(
    found: BatchSizeResult, size: int, share: int | None, ranks: Ranks
) -> BatchSizeResult:
    accumulate = 1
    reason = found.reason if size == found.batch_size else "the smallest that the ranks found"
    if share is not None:
        knee, (size, accumulate) = size, divide(share, size)
        if size != knee:
            reason = f"the largest divisor of {share} up to {knee}, which was {reason}"
    return dataclasses.replace(
        found,
        batch_size=size,
        accumulate=accumulate,
        global_batch=size * accumulate * ranks.world,
        reason=reason,
    )
