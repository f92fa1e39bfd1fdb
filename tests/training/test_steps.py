"""What moves with a step and what does not: rates, averages, clipping, and skipped steps."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from small_runs import NotedLoss, batches, network, trainer
from torch import Tensor, nn

from fastdata.errors import UsageError
from fastdata.training import OptimizerConfig, TrainConfig, Trainer
from fastdata.training.ema import WeightAverage
from fastdata.training.schedule import lr_factor


def rates(loader: Any, **settings: Any) -> list[float]:
    """The learning rate of each step."""
    model, seen = network(), []

    class Noted(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            seen.append(float(self.param_groups[0]["lr"]))
            super().step(closure)

    optimizer = Noted(model.parameters(), lr=0.5)
    trainer(model, nn.functional.cross_entropy, optimizer=optimizer, **settings).fit(loader)
    return seen


def test_rates_rise_to_the_peak_and_fall_as_a_cosine_by_steps_not_batches() -> None:
    seen = rates(
        batches(*[2] * 19), accumulate=2, schedule="cosine", warmup_steps=4, final_lr_factor=0.1
    )
    cosine = [0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * k / 5)) for k in range(6)]
    expected = [0.25, 0.5, 0.75, 1.0, *cosine]
    assert seen == pytest.approx([0.5 * factor for factor in expected])
    assert seen[-1] == pytest.approx(0.05)


def test_a_constant_rate_stays_after_its_warm_up() -> None:
    seen = rates(batches(*[2] * 6), schedule="constant", warmup_steps=2)
    assert seen == pytest.approx([0.25, 0.5, 0.5, 0.5, 0.5, 0.5])


def test_the_last_factor_holds_beyond_the_end() -> None:
    options: dict[str, Any] = {"warmup_steps": 0, "total_steps": 10, "final_factor": 0.2}
    assert lr_factor(9, **options) == lr_factor(50, **options) == pytest.approx(0.2)


def test_a_schedule_needs_an_end() -> None:
    endless = (batch for batch in batches(2, 2))
    with pytest.raises(UsageError, match=r"no length.*max_steps"):
        trainer(network(), NotedLoss(), schedule="cosine").fit(endless)


def overflows(where: set[int]) -> Any:
    """A step whose float16 gradients overflow at the batches in `where`, counted from 0."""
    count = iter(range(1_000_000))

    def step(model: nn.Module, batch: Any) -> Tensor:
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        factor = math.inf if next(count) in where else 1.0
        return _ScaledGradient.apply(loss, factor)

    return step


class _ScaledGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, loss: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return gradient * ctx.factor, None


@pytest.mark.parametrize("fused", [True, False])
def test_a_step_that_the_scaler_skips_moves_neither_weights_rate_nor_average(fused: bool) -> None:
    """A run with overflowing batches in between ends as one without these batches."""
    sizes, skipped = [4] * 8, {2, 3, 6}
    config = OptimizerConfig(lr=0.05, fused=fused)
    lines: list[Any] = []
    settings: dict[str, Any] = {"precision": "fp16", "schedule": "cosine"}
    broken = Trainer(
        network(),
        step=overflows(skipped),
        optimizer=config,
        config=TrainConfig(epochs=1, ema_decay=0.9, warmup_steps=3, log_interval=1, **settings),
        report=lines.append,
    )
    broken.fit(batches(*sizes))
    whole = Trainer(
        network(),
        step=overflows(set()),
        optimizer=config,
        # The same schedule: eight steps long, of which five are made.
        config=TrainConfig(epochs=1, ema_decay=0.9, warmup_steps=3, log_interval=1, **settings),
        report=(whole_lines := []).append,
    )
    kept = [batch for place, batch in enumerate(batches(*sizes)) if place not in skipped]
    whole.fit([*kept, *batches(4, 4, 4, seed=8)])
    logged = [line for line in lines if type(line).__name__ == "LogLine"]
    others = [line for line in whole_lines if type(line).__name__ == "LogLine"]
    assert [line.skipped_steps for line in logged] == [0, 0, 1, 2, 2, 2, 3, 3]
    made = [place for place in range(8) if place not in skipped]
    assert [logged[place].lr for place in made] == [line.lr for line in others[:5]]
    assert logged[2].lr == logged[3].lr == logged[1].lr


@pytest.mark.parametrize("fused", [True, False])
def test_weights_and_averages_after_skipped_steps(fused: bool) -> None:
    sizes, skipped = [4] * 6, {1, 4}
    config: dict[str, Any] = {
        "epochs": 1, "ema_decay": 0.9, "precision": "fp16", "schedule": "constant"
    }  # fmt: skip
    optimizer = OptimizerConfig(lr=0.05, fused=fused)
    kept = [batch for place, batch in enumerate(batches(*sizes)) if place not in skipped]
    ends = []
    for step, loader in ((overflows(skipped), batches(*sizes)), (overflows(set()), kept)):
        own = Trainer(
            network(), step=step, optimizer=optimizer, config=TrainConfig(warmup_steps=0, **config)
        )
        own.fit(loader)
        ends.append((own.model.state_dict(), own.averaged_weights))
    for (name, one), other in zip(ends[0][0].items(), ends[1][0].values(), strict=True):
        # Another scale rounds float16 gradients differently.
        torch.testing.assert_close(one, other, rtol=2e-2, atol=2e-3, msg=name)
    averages, others = ends[0][1], ends[1][1]
    assert averages is not None and others is not None
    for name, average in averages.items():
        torch.testing.assert_close(average, others[name], rtol=2e-2, atol=2e-3, msg=name)


def test_the_average_follows_its_formula_with_numbers_and_with_tensors() -> None:
    model = nn.Linear(1, 1, bias=False)
    ours = [WeightAverage(model, 0.5), WeightAverage(model, 0.5)]
    expected = model.weight.item()
    for made in range(1, 30):
        with torch.no_grad():
            model.weight.fill_(float(made))
        decay = min(0.5, (1 + made) / (10 + made))
        expected = decay * expected + (1 - decay) * made
        ours[0].update(made)
        ours[1].update(torch.tensor(made), torch.tensor(1))
        ours[1].update(torch.tensor(made), torch.tensor(0))
    for average in ours:
        assert average.state_dict()["weight"].item() == pytest.approx(expected, rel=1e-5)
    with ours[0].applied():
        assert model.weight.item() == pytest.approx(expected, rel=1e-5)
    assert model.weight.item() == 29


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("fused", [True, False])
def test_it_is_the_true_gradient_that_is_clipped(precision: str, fused: bool) -> None:
    model = network()
    before = [weight.detach().clone() for weight in model.parameters()]
    Trainer(
        model,
        nn.functional.cross_entropy,
        optimizer={"name": "sgd", "lr": 1.0, "weight_decay": 0.0, "momentum": 0.0, "fused": fused},
        config={
            "epochs": 1, "precision": precision, "clip_norm": 0.01, "schedule": "constant",
            "warmup_steps": 0,
        },
    ).fit(batches(8))  # fmt: skip
    moved = [w.detach() - old for w, old in zip(model.parameters(), before, strict=True)]
    assert torch.stack([part.norm() for part in moved]).norm().item() == pytest.approx(0.01, 1e-2)


def test_weights_decay_but_biases_do_not() -> None:
    model = network()
    before = {name: weight.clone() for name, weight in model.named_parameters()}

    def nothing(model: nn.Module, batch: Any) -> Tensor:
        return 0.0 * model(batch[0]).sum()

    Trainer(
        model,
        step=nothing,
        optimizer={"lr": 0.1, "weight_decay": 0.5},
        config={"epochs": 1, "schedule": "constant", "warmup_steps": 0},
    ).fit(batches(4))
    for name, weight in model.named_parameters():
        factor = 1 - 0.1 * 0.5 if weight.ndim > 1 else 1.0
        torch.testing.assert_close(weight.detach(), before[name] * factor, msg=name)
