"""Trains what a config describes, and keeps and shows what the Trainer reports."""

from __future__ import annotations

import contextlib
import dataclasses
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fastdata.cli import console
from fastdata.cli.trainrun.building import Parts, build_parts, loaders
from fastdata.cli.trainrun.failing import explained
from fastdata.cli.trainrun.folder import RunFolder
from fastdata.cli.trainrun.live import Show
from fastdata.cli.trainrun.searching import find
from fastdata.config import (
    SUMMARIES,
    RunConfig,
    check,
    read_document,
    with_overrides,
    with_preset,
)
from fastdata.errors import UsageError
from fastdata.hardware import read_ranks
from fastdata.training import FitResult, Record, Trainer
from fastdata.training.peers import gathered, local_rank
from fastdata.training.placement import choose_device
from fastdata.tuning import BatchSizeResult

__all__ = ["Order", "train"]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the command line asks for; see ``fastdata train --help``."""

    config: Path
    preset: str | None = None
    overrides: tuple[str, ...] = ()
    out: Path | None = None
    resume: bool = False
    auto_batch: bool = False
    keep_global_batch: bool = False
    memory_share: float = 0.9


def train(order: Order) -> dict[str, Any]:
    """Runs the whole training.

    Returns:
        What is to be told of it, for machines.

    Raises:
        UsageError: The config, or what it names, is wrong.
        SystemExit: It was asked to stop, and has saved a checkpoint.
    """
    config = _read(order)
    home = order.config.resolve().parent
    device = choose_device(config.training.device, local_rank())
    with gathered(device):
        parts = build_parts(config, home)
        with explained(config.data.batch_size, home):
            config, found = _with_batch_size(order, config, parts)
            result, folder = _fit(order, config, parts, home, found)
    return {
        "folder": folder,
        "result": result,
        "batch_size": config.data.batch_size,
        "accumulate": config.training.accumulate,
        "auto_batch": found,
    }


def _read(order: Order) -> RunConfig:
    if not order.config.is_file():
        raise UsageError(f"there is no config {order.config}; expected a YAML file")
    document = with_overrides(read_document(order.config), order.overrides)
    values = document.values
    if order.preset is not None:
        values, changed = with_preset(values, order.preset)
        _tell(f"preset {order.preset}: {SUMMARIES[order.preset]}")
        for key, value in changed:
            _tell(f"  {key} = {value}")
    return check(dataclasses.replace(document, values=values))


def _with_batch_size(
    order: Order, config: RunConfig, parts: Parts
) -> tuple[RunConfig, BatchSizeResult | None]:
    if not order.auto_batch:
        return config, None
    train_loader, _ = loaders(config.data, parts)
    found = find(
        config,
        parts,
        train_loader,
        memory_share=order.memory_share,
        keep_global_batch=order.keep_global_batch,
        tell=_tell,
    )
    data = config.data.model_copy(update={"batch_size": found.batch_size})
    training = config.training
    if order.keep_global_batch:
        training = dataclasses.replace(training, accumulate=found.accumulate)
    return config.model_copy(update={"data": data, "training": training}), found


def _fit(
    order: Order, config: RunConfig, parts: Parts, home: Path, found: BatchSizeResult | None
) -> tuple[FitResult, Path]:
    folder = _folder(order, config, home)
    train_loader, val_loader = loaders(config.data, parts)
    with _recorded(order, config, folder, found) as report:
        trainer = Trainer(
            parts.model,
            parts.loss,
            step=parts.step,
            optimizer=parts.optimizer,
            metrics=parts.metrics,
            config=config.training,
            folder=folder,
            report=report,
        )
        return trainer.fit(train_loader, val_loader, resume=order.resume), folder


def _folder(order: Order, config: RunConfig, home: Path) -> Path:
    if order.out is not None:
        return order.out
    named = config.run.folder or Path("runs") / order.config.stem
    return home / named


@contextlib.contextmanager
def _recorded(
    order: Order, config: RunConfig, path: Path, found: BatchSizeResult | None
) -> Iterator[Any]:
    """What is to be done with each record; nothing on other ranks than the first."""
    if read_ranks().rank:
        yield None
        return
    folder = RunFolder(path, resume=order.resume, tensorboard=config.run.tensorboard)
    folder.write_config(_resolved(order, config, found))
    try:
        with Show() as show:

            def report(record: Record) -> None:
                folder.record(record)
                show.record(record)

            yield report
    except BaseException as error:
        folder.log(f"ended by {type(error).__name__}: {error}")
        raise
    finally:
        folder.close()


def _resolved(order: Order, config: RunConfig, found: BatchSizeResult | None) -> dict[str, Any]:
    return {
        "config": config.model_dump(mode="json"),
        "source": str(order.config),
        "preset": order.preset,
        "overrides": list(order.overrides),
        "auto_batch": None if found is None else dataclasses.asdict(found),
        "world": read_ranks().world,
        "versions": {"python": platform.python_version(), "torch": str(torch.__version__)},
    }


def _tell(text: str) -> None:
    if read_ranks().rank == 0:
        console.note(text)
