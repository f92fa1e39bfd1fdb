"""Settings are checked when they are made, and the machine gets what it can."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import pytest
import torch
from small_runs import NotedLoss, batches, network, trainer
from torch import nn

from fastdata import TrainConfig
from fastdata.errors import UsageError
from fastdata.training import MetricConfig, OptimizerConfig, Trainer
from fastdata.training.interval import Interval, parse_interval
from fastdata.training.placement import batch_mover, batch_size, model_precision, placed
from fastdata.training.precision import choose_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ({"epochs": 0}, "epochs=0; expected a whole number from 1"),
        ({"epochs": True}, "epochs=True"),
        ({"epochs": 1.5}, "epochs=1.5"),
        ({"max_steps": 0}, "max_steps=0"),
        ({"clip_norm": 0}, "clip_norm=0; expected a number above 0"),
        ({"clip_norm": float("nan")}, "clip_norm=nan"),
        ({"ema_decay": 1.0}, "ema_decay=1.0; expected a number above 0 and below 1"),
        ({"final_lr_factor": 2}, "from 0 and up to 1"),
        ({"precision": "half"}, "precision='half'; expected 'auto', 'bf16', 'fp16', 'fp32'"),
        ({"tf32": 1}, "tf32=1; expected True, False"),
        ({"channels_last": "yes"}, "channels_last='yes'"),
        ({"eval_interval": "5 eggs"}, "eval_interval='5 eggs'; expected a number of steps"),
        ({"checkpoint_interval": 0}, "checkpoint_interval=0"),
        ({"eval_scales": ()}, "eval_scales is empty"),
        ({"eval_scales": (1.0, 0)}, "eval_scales=0"),
    ],
)
def test_a_setting_that_cannot_work_is_named(setting: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        TrainConfig(**setting)


def test_settings_of_optimizers_and_metrics_are_checked_too() -> None:
    for make, match in (
        (lambda: OptimizerConfig(name="lamb"), "name='lamb'; expected 'adamw'"),  # type: ignore[arg-type]
        (lambda: OptimizerConfig(betas=(0.9, 1.0)), "betas=1.0"),
        (lambda: MetricConfig(kind="classification"), "classes=None"),
        (lambda: MetricConfig(kind="regression", classes=3), "regression has neither"),
    ):
        with pytest.raises(UsageError, match=match):
            make()


def test_every_setting_says_its_default_and_why() -> None:
    for kind in (TrainConfig, OptimizerConfig, MetricConfig):
        assert kind.__doc__ is not None
        for entry in dataclasses.fields(kind):
            assert f"        {entry.name}: " in kind.__doc__, entry.name


@pytest.mark.parametrize(
    ("written", "interval"),
    [
        (7, Interval(7, "step")),
        ("7 steps", Interval(7, "step")),
        ("1 epoch", Interval(1, "epoch")),
        (" 3 epochs ", Interval(3, "epoch")),
        (None, None),
    ],
)
def test_intervals_are_written_as_people_do(written: Any, interval: Any) -> None:
    assert parse_interval(written, name="x") == interval


def test_the_format_of_the_cpu_is_bf16_only_where_it_has_instructions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for has, expected in (({"amx_bf16": True}, "bf16"), ({"avx2": True}, "fp32")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda has=has: has)
        assert choose_precision("auto", CPU).name == expected


@pytest.mark.parametrize(
    ("model", "settings", "expected"),
    [
        (nn.Conv2d(1, 1, 3), {}, "bf16"),
        (nn.Conv2d(1, 1, 3), {"channels_last": False}, "fp32"),
        (nn.Conv1d(64, 64, 5, stride=2), {}, "fp32"),
        (nn.Conv1d(64, 64, 5, stride=2), {"channels_last": True}, "fp32"),
        (nn.Sequential(nn.Linear(256, 256), nn.Linear(256, 256)), {}, "fp32"),
        (nn.Sequential(nn.Linear(4, 512), nn.Linear(512, 512)), {}, "bf16"),
        (nn.LazyLinear(4), {}, "bf16"),
        (nn.Conv1d(64, 64, 5), {"precision": "bf16"}, "bf16"),
    ],
)
def test_a_cpu_computes_in_bf16_where_the_model_gains_from_it(
    model: nn.Module,
    settings: dict[str, Any],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    assert model_precision(model, TrainConfig(**settings), CPU).name == expected


@pytest.mark.parametrize(("supported", "expected"), [(True, "bf16"), (False, "fp16")])
def test_a_gpu_without_bf16_gets_fp16(
    supported: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *a, **k: supported)
    assert choose_precision("auto", torch.device("cuda")).name == expected


def test_only_float16_scales_its_gradients() -> None:
    for name in ("bf16", "fp16", "fp32"):
        assert choose_precision(name, CPU).scaler().is_enabled() == (name == "fp16")


def test_forward_and_loss_run_in_the_chosen_format() -> None:
    seen = []

    def step(model: nn.Module, batch: Any) -> Any:
        output = model(batch[0])
        seen.append((output.dtype, torch.is_autocast_enabled("cpu")))
        return nn.functional.cross_entropy(output, batch[1])

    for precision in ("bf16", "fp16", "fp32"):
        Trainer(network(), step=step, config={"epochs": 1, "precision": precision}).fit(batches(4))
    assert seen == [(torch.bfloat16, True), (torch.float16, True), (torch.float32, False)]


def test_switches_of_torch_are_set_inside_and_put_back() -> None:
    def switches() -> tuple[Any, ...]:
        cudnn = torch.backends.cudnn
        return torch.get_float32_matmul_precision(), cudnn.allow_tf32, cudnn.benchmark

    seen, before = [], switches()

    def step(model: nn.Module, batch: Any) -> Any:
        seen.append(switches())
        return nn.functional.cross_entropy(model(batch[0]), batch[1])

    for fast in (True, False):
        config = {"epochs": 1, "tf32": fast, "cudnn_benchmark": fast}
        Trainer(network(), step=step, config=config).fit(batches(4))
    assert seen == [("high", True, True), ("highest", False, False)]
    assert switches() == before


def test_images_of_convolutional_models_are_channels_last() -> None:
    strides: list[tuple[int, ...]] = []

    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            strides.append(image.stride())
            scores: torch.Tensor = self.conv(image).mean((2, 3))
            return scores

    model = Looks()
    data = [(torch.randn(2, 3, 8, 8), torch.zeros(2, dtype=torch.int64))]
    trainer(model, nn.functional.cross_entropy).fit(data)
    assert strides == [(192, 1, 24, 3)]
    assert model.conv.weight.is_contiguous(memory_format=torch.channels_last)
    trainer(model, nn.functional.cross_entropy, channels_last=False).fit(data)
    assert strides[1] == (192, 64, 8, 1)
    assert "has no 2-D" in " ".join(placed(network(), None, TrainConfig(), local_rank=0).settings)


def test_a_batch_of_any_form_is_counted_and_moved() -> None:
    image = torch.zeros(3, 2, 4, 4)
    move = batch_mover(CPU, channels_last=True)
    for batch in (image, [image, 1], {"name": ["a", "b", "c"], "x": image}, (["a", "b"], image)):
        assert batch_size(batch) == batch_size(move(batch)) == 3
        assert type(move(batch)) is type(batch)
    with pytest.raises(UsageError, match="StepResult"):
        batch_size(7)


def test_the_optimizer_is_fused_adamw() -> None:
    own = trainer(network(), NotedLoss())
    own.fit(batches(4))
    assert type(own.optimizer) is torch.optim.AdamW
    assert own.optimizer.defaults["fused"] is True


def test_a_compiled_model_saves_and_evaluates_under_its_own_names(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The default backend builds C++ for most of a minute, and wraps the model in the same way.
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    own = trainer(nn.Linear(6, 2), NotedLoss(), compile=True, folder=tmp_path)
    own.fit(batches(4, 4), batches(4))
    state = torch.load(tmp_path / "checkpoints/step-00000002/state.pt", weights_only=True)
    assert set(state["model"]) == {"weight", "bias"}


@pytest.mark.needs_gpu
@pytest.mark.parametrize("precision", ["auto", "bf16", "fp16", "fp32"])
def test_a_gpu_learns_in_every_format(precision: str) -> None:
    records: list[Any] = []
    own = Trainer(
        network(),
        nn.CrossEntropyLoss(),
        metrics=MetricConfig(kind="classification", classes=2),
        optimizer={"lr": 0.03},
        config={"epochs": 20, "accumulate": 2, "precision": precision, "ema_decay": 0.9},
        report=records.append,
    )
    result = own.fit(batches(*[16] * 8), batches(64, seed=5))
    assert records[0].device == "cuda:0"
    assert result.metrics["accuracy"] > 0.85


@pytest.mark.needs_gpu
def test_a_gpu_resumes_where_it_stood(tmp_path: Any) -> None:
    settings: dict[str, Any] = {"ema_decay": 0.9, "precision": "fp16", "folder": tmp_path}
    first = trainer(network(dropout=0.3), loss := NotedLoss(), max_steps=6, epochs=2, **settings)
    first.fit(batches(*[4] * 6))
    own = trainer(network(dropout=0.3), more := NotedLoss(), epochs=2, **settings)
    own.fit(batches(*[4] * 6), resume=True)
    assert len(loss.seen) == len(more.seen) == 6
