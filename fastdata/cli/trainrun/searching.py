"""``--auto-batch``: finds the batch size and shows the trials."""

from __future__ import annotations

from collections.abc import Callable, Sized

from fastdata.cli import console
from fastdata.cli.trainrun.building import Parts
from fastdata.config import RunConfig
from fastdata.hardware import read_ranks
from fastdata.loader import FastLoader
from fastdata.tuning import BatchSizeResult, Trial, find_batch_size

__all__ = ["find"]

_LARGEST = 4096  # beyond it, hardly any model trains faster


def find(
    config: RunConfig,
    parts: Parts,
    loader: FastLoader,
    *,
    memory_share: float,
    keep_global_batch: bool,
    tell: Callable[[str], None],
) -> BatchSizeResult:
    """The batch size for a config on this machine.

    Args:
        config: The checked config.
        parts: What it has built.
        loader: Gives the samples.
        memory_share: See `find_batch_size`.
        keep_global_batch: Whether steps keep the samples that the config gives them.
        tell: Shows a line.
    """
    per_step = config.data.batch_size * config.training.accumulate * read_ranks().world
    found = find_batch_size(
        parts.model,
        loader,
        loss=parts.loss,
        step=parts.step,
        optimizer=parts.optimizer,
        config=config.training,
        largest=_largest(loader),
        memory_share=memory_share,
        global_batch=per_step if keep_global_batch else None,
        report=lambda trial: tell(_told(trial)),
    )
    again = " (measured earlier)" if found.is_cached else ""
    parts_told = f" x {found.accumulate} accumulated" if found.accumulate > 1 else ""
    tell(f"batch size {found.batch_size}{parts_told}{again}: {found.reason}")
    return found


def _largest(loader: FastLoader) -> int:
    """A step cannot have more samples than there are."""
    if not isinstance(loader.dataset, Sized):
        return _LARGEST
    return max(2, min(_LARGEST, len(loader.dataset) // read_ranks().world))


def _told(trial: Trial) -> str:
    memory = console.human_bytes(trial.peak_bytes)
    if not trial.seconds:
        return f"  batch of {trial.batch_size:5}: {trial.verdict}"
    return (
        f"  batch of {trial.batch_size:5}: {trial.samples_per_second:10,.1f} samples/s, "
        f"{trial.seconds * 1e3:8,.1f} ms a step, {memory:>8}, {trial.verdict}"
    )
