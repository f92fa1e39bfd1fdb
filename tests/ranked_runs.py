"""What each of two ranks does for training/test_ranks.py: torchrun ranked_runs.py FOLDER."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from small_runs import GradientLog, NotedLoss, StopsAt, batches, network, points, trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from fastdata import FastLoader
from fastdata.errors import CheckpointError, NonFiniteLoss
from fastdata.training import MetricConfig

# Batch sizes of each step, by case and rank.
WINDOWS = {
    "even": [[[4, 4], [4, 4]], [[4, 4], [4, 4]]],
    "tail": [[[4, 4], [3]], [[4, 4], [2]]],
    "one has more batches": [[[4, 2], [4, 4], [1]], [[4, 4], [3]]],
    "one ends within a step": [[[4, 2], [4, 4]], [[4, 4], [3]]],
}


def own_batches(case: str, rank: int) -> list[tuple[Tensor, Tensor]]:
    return batches(*(size for window in WINDOWS[case][rank] for size in window), seed=10 + rank)


class Unsized:
    def __init__(self, items: list[Any]) -> None:
        self._items = items

    def __iter__(self) -> Any:
        return iter(self._items)


def gradients(rank: int) -> Any:
    found = {}
    for case in WINDOWS:
        for is_sized in (True, False):
            model = network()
            log = GradientLog(model.parameters())
            own = own_batches(case, rank)
            trainer(model, nn.functional.cross_entropy, accumulate=2, optimizer=log).fit(
                own if is_sized else Unsized(own)
            )
            found[f"{case}, {is_sized}"] = log.gradients
    return found


def whole_run(kind: str, world: int) -> dict[str, Any]:
    """A run with the same global batch of eight, whatever the number of ranks."""
    size = 8 // world
    loader: Any = FastLoader(points(53), size, shuffle=True, seed=3)
    if kind == "DataLoader":
        torch.manual_seed(0)
        loader = DataLoader(points(53), size)
    calls: list[int] = []
    records: list[Any] = []
    own = trainer(
        network(),
        nn.functional.cross_entropy,
        accumulate=2,
        epochs=3,
        clip_norm=1.0,
        ema_decay=0.9,
        log_interval=2,
        metrics=MetricConfig(kind="classification", classes=2),
        report=records.append,
        optimizer={"lr": 0.05},
    )
    result = own.fit(loader, DataLoader(points(21, seed=4), size))
    if world > 1:
        original = dist.all_reduce
        dist.all_reduce = lambda *a, **k: calls.append(1) or original(*a, **k)
    metrics = own.evaluate(DataLoader(points(21, seed=4), size))
    if world > 1:
        dist.all_reduce = original
    return {
        "weights": dict(own.model.state_dict()),
        "average": own.averaged_weights,
        "metrics": result.metrics,
        "again": metrics,
        "calls": len(calls),
        "losses": [record.loss for record in records if type(record).__name__ == "LogLine"],
        "epochs": [record.samples for record in records if type(record).__name__ == "EpochRecord"],
        "records": len(records),
    }


def batches_seen_by_norms(rank: int) -> int:
    """By the first rank, which has fewer batches than the other, and meets it all the same."""
    model = network(dropout=0.3)
    trainer(model, nn.functional.cross_entropy).fit(batches(*[4] * (2 + rank)))
    return int(model[1].num_batches_tracked)


def poisoned(rank: int) -> str:
    x, y = points(16).tensors
    x = x.clone()
    x[5, 0] = float("nan")
    loader = FastLoader(torch.utils.data.TensorDataset(x, y), 4, seed=0)
    try:
        trainer(network(), nn.functional.cross_entropy).fit(loader)
    except NonFiniteLoss as error:
        return str(error)
    return "nothing was raised"


def stopped(rank: int, folder: Path) -> Any:
    """SIGTERM reaches the ranks at different batches; they must stop at the same step."""

    def run(loss: NotedLoss, name: str, **resume: Any) -> list[float]:
        own = trainer(
            network(dropout=0.3), loss, folder=folder / name, accumulate=2, epochs=3,
            checkpoint_interval=None,
        )  # fmt: skip
        torch.manual_seed(50 + rank)
        try:
            own.fit(FastLoader(points(40), 4, shuffle=True, seed=3), **resume)
        except SystemExit as left:
            assert left.code == 143
            return loss.seen
        return loss.seen

    whole = run(NotedLoss(), "whole")
    first = run(StopsAt(3 if rank else 4), "run")
    torch.manual_seed(7)
    return {"whole": whole, "parts": [first, run(NotedLoss(), "run", resume=True)]}


def begun(folder: Path, loader: Any, loss: NotedLoss, **resume: Any) -> list[int]:
    """The samples of each step of a run that one process began and two go on with, or try to."""
    records: list[Any] = []
    own = trainer(
        network(), loss, folder=folder, accumulate=4, log_interval=1, checkpoint_interval=None,
        report=records.append,
    )  # fmt: skip
    with contextlib.suppress(SystemExit):
        own.fit(loader, **resume)
    return [record.samples for record in records if type(record).__name__ == "LogLine"]


def gone_on_with(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, loader in LOADERS_OF_ONE.items():
        try:
            found[name] = begun(folder / name, loader(), NotedLoss(), resume=True)
        except CheckpointError as error:
            found[name] = str(error)
    return found


# Of 20 batches of four; stopped between steps, unless the name says otherwise.
LOADERS_OF_ONE: dict[str, Any] = {
    "between steps": lambda: FastLoader(points(80), 4, shuffle=True, seed=3),
    "within a step": lambda: FastLoader(points(80), 4, shuffle=True, seed=3),
    "a list": lambda: batches(*[4] * 20),
    "a DataLoader": lambda: DataLoader(points(80), 4),
}


def compiled() -> list[str]:
    """What a step function is given, from the outside in, where the model is compiled."""
    seen: list[str] = []

    def step(model: nn.Module, batch: Any) -> Tensor:
        seen[:] = [type(model).__name__, type(model.module).__name__]
        return nn.functional.cross_entropy(model(batch[0]), batch[1])

    original = torch.compile
    torch.compile = functools.partial(original, backend="eager")  # no compiler is needed for that
    try:
        trainer(network(), None, step=step, compile=True).fit(batches(4))
    finally:
        torch.compile = original
    return seen


def exchanges() -> list[bool]:
    """For each batch of an epoch, whether its backward pass adds up the ranks' gradients."""
    seen: list[bool] = []

    def step(model: nn.Module, batch: Any) -> Tensor:
        seen.append(bool(model.require_backward_grad_sync))
        return nn.functional.cross_entropy(model(batch[0]), batch[1])

    trainer(network(), None, step=step, accumulate=3).fit(batches(4, 4, 4, 4, 4))
    return seen


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    results = {
        "gradients": gradients(rank),
        "FastLoader": whole_run("FastLoader", world),
        "DataLoader": whole_run("DataLoader", world),
        "norms": batches_seen_by_norms(rank),
        "poisoned": poisoned(rank),
        "stopped": stopped(rank, folder),
        "begun by one": gone_on_with(folder),
        "compiled": compiled(),
        "exchanges": exchanges(),
    }
    torch.save(results, folder / f"rank-{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
