"""How runs end, and what they say: NaN, patience, limits, and arguments that do not fit."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import NotedLoss, batches, network, points, trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fastdata import FastLoader
from fastdata.errors import NonFiniteLoss, UsageError
from fastdata.training import StepResult, TrainConfig, Trainer


def poisoned(sample: int) -> TensorDataset:
    x, y = points(23).tensors
    x = x.clone()
    x[sample, 0] = math.nan
    return TensorDataset(x, y)


def batch_with(loader_samples: list[list[int]], sample: int) -> list[int]:
    return next(batch for batch in loader_samples if sample in batch)


@pytest.mark.parametrize("kind", ["FastLoader", "DataLoader", "shuffled DataLoader"])
def test_a_loss_that_is_nan_names_the_samples_of_its_batch(kind: str) -> None:
    data = poisoned(17)
    if kind == "FastLoader":
        loader: Any = FastLoader(data, 4, shuffle=True, seed=2)
    else:
        loader = DataLoader(data, 4, shuffle="shuffled" in kind)
    seen: list[list[int]] = []
    values = data.tensors[0][:, 1].tolist()

    def step(model: nn.Module, batch: Any) -> Any:
        seen.append([values.index(value) for value in batch[0][:, 1].tolist()])
        return nn.functional.cross_entropy(model(batch[0]), batch[1])

    own = Trainer(network(), step=step, config={"precision": "fp32", "log_interval": 2})
    with pytest.raises(NonFiniteLoss) as told:
        own.fit(loader)
    expected = batch_with(seen, 17)
    place = seen.index(expected)
    assert f"the loss is nan in epoch 0, batch {place}: samples {expected};" in str(told.value)
    # Not later than the log line after it.
    assert len(seen) <= place + 2


def test_a_list_of_batches_names_the_batch() -> None:
    bad = [*batches(4, 4), (torch.full((4, 6), math.nan), torch.zeros(4, dtype=torch.int64))]
    with pytest.raises(NonFiniteLoss, match=r"nan in epoch 0, batch 2: unknown samples"):
        trainer(network(), NotedLoss()).fit(bad)


def test_weights_that_met_nan_are_never_saved(tmp_path: Path) -> None:
    bad = [*batches(4), (torch.full((4, 6), math.nan), torch.zeros(4, dtype=torch.int64))]
    own = trainer(network(), NotedLoss(), folder=tmp_path, checkpoint_interval=1)
    with pytest.raises(NonFiniteLoss):
        own.fit(bad)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000001"]


def test_nan_can_be_skipped_or_ignored() -> None:
    bad = (torch.full((4, 6), math.nan), torch.zeros(4, dtype=torch.int64))
    good = batches(4, 4)
    lines: list[Any] = []
    models = []
    for loader in ([good[0], bad, good[1]], good):
        own = trainer(network(), NotedLoss(), on_nan="skip", log_interval=1, report=lines.append)
        own.fit(loader)
        models.append(own.model.state_dict())
    for one, other in zip(models[0].values(), models[1].values(), strict=True):
        assert torch.equal(one, other)
    assert [line.skipped_steps for line in lines if type(line).__name__ == "LogLine"][:3] == [
        0,
        1,
        1,
    ]
    own = trainer(network(), NotedLoss(), on_nan="ignore")
    own.fit([good[0], bad])
    assert all(weight.isnan().all() for weight in own.model[-1].parameters())


def losing(values: list[float]) -> Any:
    """A step whose evaluation losses are these, one after the other."""
    left = iter(values)

    def step(model: nn.Module, batch: Any) -> Any:
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        return loss if torch.is_grad_enabled() else torch.tensor(next(left))

    return step


def test_patience_counts_evaluations_without_improvement() -> None:
    losses = [5.0, 4.0, 4.5, 3.99, 4.2, 1.0]
    own = Trainer(
        network(),
        step=losing(losses),
        config=TrainConfig(epochs=6, patience=3, min_delta=0.1, precision="fp32"),
    )
    result = own.fit(batches(4), batches(4))
    assert (result.reason, result.epochs, result.best, result.best_step) == (
        "stopped early", 5, 4.0, 2
    )  # fmt: skip


def test_patience_ends_a_run_whose_evaluations_are_nan() -> None:
    own = Trainer(
        network(),
        step=losing([math.nan] * 3),
        config=TrainConfig(epochs=9, patience=2, precision="fp32"),
    )
    assert own.fit(batches(4), batches(4)).epochs == 2


def test_max_steps_ends_in_the_middle_of_an_epoch_and_evaluates_there() -> None:
    records: list[Any] = []
    own = trainer(network(), loss := NotedLoss(), max_steps=5, epochs=9, report=records.append)
    result = own.fit(batches(4, 4, 4), batches(4))
    assert (result.step, result.epochs, len(loss.seen)) == (5, 1, 5)
    assert [record.step for record in records if type(record).__name__ == "EvalRecord"] == [3, 5]


@pytest.mark.parametrize(
    ("interval", "at"), [("2 epochs", [6, 12, 15]), (4, [4, 8, 12, 15]), (None, [])]
)
def test_evaluations_come_at_their_interval_and_at_the_end(interval: Any, at: list[int]) -> None:
    records: list[Any] = []
    own = trainer(network(), NotedLoss(), epochs=5, eval_interval=interval, report=records.append)
    own.fit(batches(4, 4, 4), batches(4))
    assert [record.step for record in records if type(record).__name__ == "EvalRecord"] == at


def test_a_step_function_may_return_any_of_three_forms() -> None:
    x, y = batches(6)[0]
    ends = []
    for form in (lambda r: r, lambda r: r[0], lambda r: StepResult(*r, samples=6)):

        def step(model: nn.Module, batch: Any, form: Any = form) -> Any:
            output = model(batch["x"])
            return form((nn.functional.cross_entropy(output, batch["y"]), output, batch["y"]))

        own = Trainer(network(), step=step, config={"epochs": 2, "precision": "fp32"})
        own.fit([{"x": x, "y": y}])
        ends.append(own.model[0].weight)
    assert torch.equal(ends[0], ends[1]) and torch.equal(ends[0], ends[2])


def ask(match: str, **arguments: Any) -> None:
    with pytest.raises(UsageError, match=match):
        Trainer(network(), **arguments)


def test_arguments_that_do_not_fit_are_told_before_anything_is_trained() -> None:
    loss = NotedLoss()
    ask("either loss=.* or step=")
    ask("either loss=.* or step=", loss=loss, step=lambda model, batch: None)
    ask("has no setting 'epoch'; did you mean 'epochs'", loss=loss, config={"epoch": 3})
    ask("lr=-1; expected a number above 0", loss=loss, optimizer={"lr": -1})
    ask("trained parameter '0.weight'", loss=nn.Sequential(nn.Linear(2, 2)))
    ask(r"metrics\['x'\] is str", loss=loss, metrics={"x": "accuracy"})
    for config, match in (
        ({"monitor": "acuracy"}, "monitor='acuracy', but evaluation gives loss"),
        ({"patience": 2}, "patience needs evaluations"),
    ):
        with pytest.raises(UsageError, match=match):
            Trainer(network(), loss, config=config).fit(batches(4))


@pytest.mark.parametrize(
    ("batch", "match"),
    [
        ({"image": torch.ones(2, 6)}, "a dict of image; loss= takes batches of .input, target."),
        ((torch.ones(2, 6), 1, 2), "a batch is tuple; .*Pass step="),
    ],
)
def test_batches_of_another_form_say_what_to_do(batch: Any, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        trainer(network(), NotedLoss()).fit([batch])


def test_a_loss_that_is_no_mean_is_refused() -> None:
    sums = nn.CrossEntropyLoss(reduction="none")
    with pytest.raises(UsageError, match=r"the loss is \(4,\); expected .* one number"):
        trainer(network(), sums).fit(batches(4))


def test_a_generator_lasts_for_one_epoch_and_says_so() -> None:
    once = (batch for batch in batches(4, 4))
    with pytest.raises(UsageError, match="no batch in epoch 1; a generator can be gone through"):
        trainer(network(), NotedLoss(), epochs=2).fit(once)


def test_lines_are_shown_without_any_set_up() -> None:
    code = (
        "import sys, torch\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from small_runs import *\n"
        "torch.set_num_threads(1)\n"
        "config = {'log_interval': 2, 'epochs': 1, 'precision': 'fp32'}\n"
        "own = Trainer(network(), NotedLoss(), config=config)\n"
        "own.fit(batches(4, 4), batches(4))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "step 2  loss " in done.stderr and "evaluation at step 2: loss " in done.stderr
    assert done.stdout == ""
