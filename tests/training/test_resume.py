"""A run that was broken off goes on as if it had not been: the same losses, bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import NotedLoss, StopsAt, network, points, trainer
from torch.utils.data import DataLoader

from fastdata import FastLoader
from fastdata.training.config import OptimizerConfig


class Stopped(Exception):
    pass


def loader_of(kind: str) -> Any:
    if kind == "FastLoader":
        return FastLoader(points(), 4, shuffle=True, seed=3)
    if kind == "FastLoader without a seed":
        return FastLoader(points(), 4, shuffle=True)
    if kind == "DataLoader":
        return DataLoader(points(), 4, shuffle=True)
    x, y = points().tensors
    return list(zip(x.split(4), y.split(4), strict=True))


# 23 samples: six batches an epoch, so two steps of up to four batches each.
SETTINGS: dict[str, Any] = {
    "epochs": 3,
    "accumulate": 4,
    "clip_norm": 1.0,
    "ema_decay": 0.9,
    "schedule": "cosine",
    "warmup_steps": 2,
    "log_interval": 3,
    "checkpoint_interval": None,
    "optimizer": OptimizerConfig(lr=0.05),
}


def run(
    loss: NotedLoss,
    kind: str,
    *,
    folder: Path,
    resume: bool = False,
    lines: list[Any] | None = None,
    **settings: Any,
) -> Any:
    lines = [] if lines is None else lines
    model = network(dropout=0.3)
    torch.manual_seed(5)
    own = trainer(model, loss, folder=folder, report=lines.append, **(SETTINGS | settings))
    # It draws its seed at the first evaluation, which only one of two processes may see.
    validation = FastLoader(points(9, seed=4), 4)
    own.fit(loader_of(kind), validation, resume=resume)
    return own, lines


# Within a step and at its end, in the first epoch and later ones, at the end of an epoch.
@pytest.mark.parametrize("at", [1, 4, 9, 12])
@pytest.mark.parametrize("kind", ["FastLoader", "FastLoader without a seed", "DataLoader", "list"])
def test_the_losses_after_a_resume_are_those_of_the_unbroken_run(
    kind: str, at: int, tmp_path: Path
) -> None:
    whole = NotedLoss()
    unbroken, _ = run(whole, kind, folder=tmp_path / "whole")
    first, second = StopsAt(at), NotedLoss()
    with pytest.raises(SystemExit) as left:
        run(first, kind, folder=tmp_path / "broken")
    assert left.value.code == 143
    # Another process begins with other random numbers.
    torch.manual_seed(999)
    torch.rand(7)
    resumed, _ = run(second, kind, folder=tmp_path / "broken", resume=True)
    assert first.seen == whole.seen[:at]
    assert second.seen == whole.seen[at:]
    for one, other in zip(
        unbroken.model.state_dict().values(), resumed.model.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)
    for name, average in unbroken.averaged_weights.items():
        assert torch.equal(average, resumed.averaged_weights[name])


def told(lines: list[Any]) -> list[Any]:
    """What records say about the run, without times and paths."""
    return [
        (
            type(line).__name__,
            line.step,
            getattr(line, "loss", None),
            getattr(line, "lr", None),
            *getattr(line, "metrics", {}).items(),
        )
        for line in lines
        if type(line).__name__ in ("LogLine", "EpochRecord", "EvalRecord", "FitResult")
    ]


class LosesWorkers:
    """A cluster manager sends SIGTERM to all processes: the loader's workers die of it first."""

    def __init__(self, items: list[Any], at: int) -> None:
        self._items = items
        self._at = at

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Any:
        for place, item in enumerate(self._items):
            if place == self._at:
                os.kill(os.getpid(), signal.SIGTERM)
                raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Terminated.")
            yield item


def test_sigterm_that_ends_the_workers_too_saves_all_the_same(tmp_path: Path) -> None:
    items = loader_of("list")
    whole, first, second = NotedLoss(), NotedLoss(), NotedLoss()
    for loss, loader, folder, resume in (
        (whole, items, "whole", False),
        (first, LosesWorkers(items, 3), "run", False),
        (second, items, "run", True),
    ):
        own = trainer(network(), loss, folder=tmp_path / folder, **SETTINGS)
        try:
            own.fit(loader, resume=resume)
        except SystemExit as left:
            assert left.code == 143
    assert len(first.seen) == 3
    assert first.seen + second.seen == whole.seen


def test_a_loader_s_own_error_is_the_user_s() -> None:
    def broken() -> Any:
        yield from loader_of("list")[:2]
        raise RuntimeError("no such file")

    with pytest.raises(RuntimeError, match="no such file"):
        trainer(network(), NotedLoss()).fit(broken())


class StopsInEvaluation(NotedLoss):
    def __init__(self, at: int) -> None:
        super().__init__()
        self._left = at

    def __call__(self, output: Any, target: Any) -> Any:
        if not torch.is_grad_enabled():
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGTERM)
        return super().__call__(output, target)


@pytest.mark.parametrize(
    "loss", [StopsAt(4), StopsAt(9), StopsAt(12), StopsInEvaluation(1), StopsInEvaluation(5)]
)
def test_log_lines_and_evaluations_are_those_of_the_unbroken_run_too(
    loss: NotedLoss, tmp_path: Path
) -> None:
    """SIGTERM may come before a due evaluation, or in its middle: it is made up for."""
    settings: dict[str, Any] = {"kind": "FastLoader", "eval_interval": 2}
    _, whole = run(NotedLoss(), folder=tmp_path / "whole", **settings)
    first: list[Any] = []
    with pytest.raises(SystemExit):
        run(loss, folder=tmp_path / "x", lines=first, **settings)
    _, second = run(NotedLoss(), folder=tmp_path / "x", resume=True, **settings)
    assert told(first) + told(second) == told(whole)


SCRIPT = """
import sys, torch
sys.path.insert(0, {tests!r})
from pathlib import Path
from small_runs import network, points, trainer
from test_resume import SETTINGS, NotedLoss, loader_of
torch.set_num_threads(1)

class Printed(NotedLoss):
    def __call__(self, output, target):
        loss = super().__call__(output, target)
        print(self.seen[-1].hex(), flush=True)
        if len(self.seen) == {stop_at}:
            print("waiting", flush=True)
            sys.stdin.readline()
        return loss

model = network(dropout=0.3)
torch.manual_seed(5)
own = trainer(model, Printed(), folder=Path({folder!r}), **SETTINGS)
own.fit(loader_of("FastLoader"))
"""


def process(folder: Path, *, stop_at: int) -> subprocess.Popen[str]:
    here = str(Path(__file__).parent)
    tests = str(Path(__file__).parents[1])
    code = SCRIPT.format(tests=tests, folder=str(folder), stop_at=stop_at)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", f"import sys; sys.path.insert(0, {here!r})\n{code}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def losses(*, resume: bool = False, **settings: Any) -> list[str]:
    """What this process trains, as `SCRIPT` does."""
    loss, model = NotedLoss(), network(dropout=0.3)
    torch.manual_seed(5)
    trainer(model, loss, **SETTINGS, **settings).fit(loader_of("FastLoader"), resume=resume)
    return [value.hex() for value in loss.seen]


def test_sigterm_saves_and_exits_143_and_another_process_goes_on(tmp_path: Path) -> None:
    whole = losses()
    first = process(tmp_path / "run", stop_at=9)
    assert first.stdout is not None
    seen = []
    while (line := first.stdout.readline().strip()) != "waiting":
        assert line, first.stderr and first.stderr.read()
        seen.append(line)
    first.send_signal(signal.SIGTERM)
    _, err = first.communicate("\n")
    assert first.returncode == 143, err
    assert seen + losses(folder=tmp_path / "run", resume=True) == whole


def test_the_handler_of_before_is_back_after_a_run() -> None:
    def mine(number: int, frame: Any) -> None:
        raise AssertionError

    before = signal.signal(signal.SIGTERM, mine)
    try:
        trainer(network(), NotedLoss()).fit(loader_of("list"))
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
