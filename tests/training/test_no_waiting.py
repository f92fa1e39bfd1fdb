"""Between log lines nothing asks for a tensor's value: on a GPU, that would wait for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from small_runs import batches, network
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from fastdata.training import MetricConfig, OptimizerConfig, TrainConfig, Trainer

METHODS = (
    "item tolist cpu numpy nonzero __bool__ __int__ __float__ __index__ __repr__ __str__ "
    "__format__ __array__ __contains__"
).split()
WAITING_OPERATIONS = (
    "_local_scalar_dense",
    "nonzero",
    "bincount",
    "masked_select",
    "unique",
    "equal",
)


class Watch(TorchDispatchMode):
    """Notes at which batch a value was asked for, and by what."""

    def __init__(self) -> None:
        super().__init__()
        self.batch = 0
        self.found: list[tuple[int, str]] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = str(function)
        if any(f".{word}" in name for word in WAITING_OPERATIONS):
            self.found.append((self.batch, name))
        return function(*args, **(kwargs or {}))


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    watch = Watch()

    def noting(name: str, method: Any) -> Any:
        def noted(self: Tensor, *args: Any, **kwargs: Any) -> Any:
            watch.found.append((watch.batch, name))
            return method(self, *args, **kwargs)

        return noted

    for name in METHODS:
        monkeypatch.setattr(Tensor, name, noting(name, getattr(Tensor, name)))
    with watch:
        yield watch


class Counts:
    """A loss that tells the watch which batch is being trained or evaluated."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        self._watch.batch += 1
        return nn.functional.cross_entropy(output, target)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_values_are_asked_for_only_at_log_lines(
    watch: Watch, precision: str, optimizer: str
) -> None:
    lines: list[int] = []
    own = Trainer(
        network(dropout=0.2),
        Counts(watch),
        optimizer=OptimizerConfig(name=optimizer),
        config=TrainConfig(
            epochs=1,
            accumulate=2,
            log_interval=10,
            clip_norm=1.0,
            ema_decay=0.99,
            precision=precision,
            eval_interval=None,
        ),
        report=lambda record: lines.append(watch.batch),
    )
    own.fit(batches(*[3] * 50))
    assert watch.batch == 50
    asked_at = {batch for batch, _ in watch.found}
    # Before the first batch, at steps 10 and 20 (two batches each), and at the end.
    assert asked_at <= {0, 20, 40, 50}, [entry for entry in watch.found if entry[0] % 20]
    assert {20, 40, 50} <= asked_at  # the watch does see what a log line asks


def test_an_evaluation_asks_only_at_its_end(watch: Watch) -> None:
    wanted = {
        "classes": MetricConfig(kind="classification", classes=2, ignore_index=7),
        "areas": MetricConfig(kind="segmentation", classes=2, ignore_index=7),
        "mean": MetricConfig(kind="regression", output=0, target=0),
    }
    classes = {name: wanted[name] for name in ("classes", "areas")}
    own = Trainer(network(), Counts(watch), metrics=classes, config={"precision": "fp32"})
    own.evaluate(batches(*[3] * 8))
    assert {batch for batch, _ in watch.found} <= {0, 8}

    def regress(model: nn.Module, batch: Any) -> Any:
        watch.batch += 1
        values = model(batch[0])[:, 0]
        return (values - batch[1]).square().mean(), (values,), (batch[1],)

    own = Trainer(
        network(), step=regress, metrics={"mean": wanted["mean"]}, config={"precision": "fp32"}
    )
    watch.batch, watch.found = 0, []
    own.evaluate(batches(*[3] * 8))
    assert {batch for batch, _ in watch.found} <= {0, 8}


@pytest.mark.needs_gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype feature")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_the_driver_sees_no_wait_between_log_lines(precision: str) -> None:
    """CUDA's own check: any call that waits for the GPU raises."""

    def step(model: nn.Module, batch: Any) -> Tensor:
        # From the third batch on everything is warm; the last two steps may log.
        step.batches += 1  # type: ignore[attr-defined]
        torch.cuda.set_sync_debug_mode("error" if 2 < step.batches < 29 else "default")  # type: ignore[attr-defined]
        return nn.functional.cross_entropy(model(batch[0]), batch[1])

    step.batches = 0  # type: ignore[attr-defined]
    own = Trainer(
        network(),
        step=step,
        config=TrainConfig(
            epochs=1,
            log_interval=30,
            clip_norm=1.0,
            ema_decay=0.99,
            precision=precision,
            eval_interval=None,
        ),
    )
    pinned = [(x.pin_memory(), y.pin_memory()) for x, y in batches(*[3] * 30)]
    try:
        own.fit(pinned)
    finally:
        torch.cuda.set_sync_debug_mode("default")
