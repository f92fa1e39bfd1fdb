"""Metrics are those of torchmetrics, and evaluation leaves the run as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchmetrics.functional.classification as reference
from small_runs import NotedLoss, batches, network, trainer
from torch import Tensor, nn
from torchmetrics import MeanSquaredError

from fastdata.errors import LabelError, UsageError
from fastdata.training import MetricConfig, Trainer
from fastdata.training.multiscale import MultiScale


def given(loss: Any = None) -> Any:
    """A step whose model gives what the batch says: batches of (outputs, targets)."""

    def step(model: nn.Module, batch: Any) -> Any:
        return torch.zeros(()), batch[0], batch[1]

    return step


def measured(metrics: Any, loader: list[Any]) -> dict[str, float]:
    own = Trainer(nn.Linear(1, 1), step=given(), metrics=metrics, config={"precision": "fp32"})
    results = own.evaluate(loader)
    del results["loss"]
    return results


@pytest.mark.parametrize("ignore_index", [None, 1, -100])
def test_classification_is_what_torchmetrics_says(ignore_index: int | None) -> None:
    scores, target = torch.randn(57, 5), torch.randint(0, 4, (57,))  # class 4 never occurs
    if ignore_index is not None:
        target[::7] = ignore_index
    found = measured(
        MetricConfig(kind="classification", classes=5, ignore_index=ignore_index),
        list(zip(scores.split(10), target.split(10), strict=True)),
    )
    options: dict[str, Any] = {"num_classes": 5, "ignore_index": ignore_index}
    expected = {
        "accuracy": reference.multiclass_accuracy(scores, target, average="micro", **options),
        "precision": reference.multiclass_precision(scores, target, average="macro", **options),
        "recall": reference.multiclass_recall(scores, target, average="macro", **options),
        "f1": reference.multiclass_f1_score(scores, target, average="macro", **options),
    }
    assert found == pytest.approx({name: value.item() for name, value in expected.items()})


@pytest.mark.parametrize("ignore_index", [None, 0, 255])
def test_the_iou_is_over_all_pixels_of_the_loader(ignore_index: int | None) -> None:
    scores, target = torch.randn(9, 4, 6, 5), torch.randint(0, 4, (9, 6, 5))
    if ignore_index is not None:
        target[:, :2] = ignore_index
    found = measured(
        MetricConfig(kind="segmentation", classes=4, ignore_index=ignore_index),
        list(zip(scores.split(4), target.split(4), strict=True)),
    )
    expected = reference.multiclass_jaccard_index(
        scores, target, num_classes=4, ignore_index=ignore_index
    )
    assert found == {"miou": pytest.approx(expected.item())}


def test_the_mean_error_is_over_all_values() -> None:
    values, target = torch.randn(11, 1), torch.randn(11)
    loader = list(zip(values.split(4), target.split(4), strict=True))
    found = measured(MetricConfig(kind="regression"), loader)
    assert found["mae"] == pytest.approx((values[:, 0] - target).abs().mean().item())


def test_two_classes_may_have_one_logit() -> None:
    logits, target = torch.tensor([2.0, -1.0, 0.5, -3.0]), torch.tensor([1, 1, 1, 0])
    found = measured(MetricConfig(kind="classification", classes=2), [(logits, target)])
    assert found["accuracy"] == 0.75


def test_several_tasks_are_named_and_picked_by_place_or_key() -> None:
    class_scores, severity = torch.eye(3), torch.tensor([1.0, 2.0, 3.0])
    outputs = {"position": class_scores, "severity": severity}
    targets = (torch.tensor([0, 1, 1]), severity + 1)
    found = measured(
        {
            "position": MetricConfig(kind="classification", classes=3, output="position", target=0),
            "severity": MetricConfig(kind="regression", output="severity", target=1),
        },
        [(outputs, targets)],
    )
    assert found["position/accuracy"] == pytest.approx(2 / 3)
    assert found["severity/mae"] == 1.0


def test_any_metric_of_torchmetrics_will_do() -> None:
    values, target = torch.randn(10), torch.randn(10)
    loader = [(values[:5], target[:5]), (values[5:], target[5:])]
    found = measured({"mse": MeanSquaredError()}, loader)
    assert found == {"mse": pytest.approx((values - target).square().mean().item())}


def test_targets_that_are_no_class_are_counted_and_named() -> None:
    config = MetricConfig(kind="classification", classes=2)
    with pytest.raises(LabelError, match=r"3 targets lie outside of the classes 0\.\.1"):
        measured(config, [(torch.randn(5, 2), torch.tensor([0, 255, -1, 1, 2]))])


@pytest.mark.parametrize(
    ("config", "outputs", "match"),
    [
        ({"classes": 3}, torch.zeros(4, 2), r"3 classes got outputs \(4, 2\)"),
        ({"classes": 2}, (torch.zeros(4, 2),), "tuple as output; say which"),
        ({"classes": 2, "output": "x"}, torch.zeros(4, 2), "no output 'x'"),
        ({"classes": 2}, None, "return .loss, outputs, targets."),
    ],
)
def test_outputs_that_do_not_fit_say_so(config: Any, outputs: Any, match: str) -> None:
    target = torch.zeros(4, dtype=torch.int64)
    own = Trainer(
        nn.Linear(1, 1),
        step=lambda model, batch: (torch.zeros(()), outputs, target),
        metrics=MetricConfig(kind="classification", **config),
    )
    with pytest.raises(UsageError, match=match):
        own.evaluate([target])


def test_the_loss_is_the_mean_over_samples_not_over_batches() -> None:
    def step(model: nn.Module, batch: Tensor) -> Tensor:
        return batch.mean()

    own = Trainer(nn.Linear(1, 1), step=step, config={"precision": "fp32"})
    assert own.evaluate([torch.ones(9), torch.full((1,), 11.0)]) == {"loss": 2.0}


def test_evaluation_sees_averaged_weights_and_changes_nothing() -> None:
    model = network(dropout=0.5)
    own = trainer(model, NotedLoss(), ema_decay=0.5, eval_interval=None)
    own.fit(batches(4, 4, 4))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random, validation = torch.get_rng_state(), batches(30, seed=3)
    found = own.evaluate(validation)
    assert own.evaluate(validation) == found
    assert torch.equal(torch.get_rng_state(), random)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    assert own.averaged_weights is not None
    model.load_state_dict(before | own.averaged_weights)
    model.eval()
    expected = nn.functional.cross_entropy(model(validation[0][0]), validation[0][1])
    assert found["loss"] == pytest.approx(expected.item())


class Shrunk(nn.Module):
    """Scores at half the resolution that see which size they are made from."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, classes, 2, stride=2)
        self.sizes: list[tuple[int, ...]] = []

    def forward(self, image: Tensor) -> Tensor:
        self.sizes.append(tuple(image.shape[-2:]))
        scores: Tensor = self.conv(image)
        return scores


def test_scales_average_probabilities_at_the_size_of_scale_one() -> None:
    model, image = Shrunk(3), torch.randn(2, 1, 16, 24)
    with torch.no_grad():
        scores = MultiScale(model, (0.5, 1.0, 1.6))(image)
        assert model.sizes == [(8, 16), (16, 24), (24, 40)]
        expected = torch.zeros(2, 3, 8, 12)
        for size in model.sizes[:3]:
            resized = nn.functional.interpolate(image, size, mode="bilinear")
            likely = model(resized).softmax(dim=1)
            expected += nn.functional.interpolate(likely, (8, 12), mode="bilinear") / 3
    torch.testing.assert_close(scores.softmax(dim=1), expected)


def test_one_scale_alone_changes_no_prediction() -> None:
    model, image = Shrunk(3), torch.randn(2, 1, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(
            MultiScale(model, (1.0,))(image), model(image).log_softmax(dim=1)
        )
        binary = Shrunk(1)
        torch.testing.assert_close(MultiScale(binary, (1.0,))(image), binary(image))


def test_evaluation_uses_the_scales_and_training_does_not() -> None:
    model = Shrunk(2)
    image, mask = torch.randn(4, 1, 16, 16), torch.randint(0, 2, (4, 8, 8))
    own = Trainer(
        model,
        nn.functional.cross_entropy,
        metrics=MetricConfig(kind="segmentation", classes=2),
        config={"eval_scales": (1.0, 2.0), "epochs": 1, "precision": "fp32"},
    )
    own.fit([(image, mask)], [(image, mask)])
    assert model.sizes == [(16, 16), (16, 16), (32, 32)]
