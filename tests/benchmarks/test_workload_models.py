"""What the workloads' own models promise: points, weights, and a start that changes nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from workloads.restoration_patches.model import RestorationNetwork
from workloads.segmentation_points import model as points


class Constant(nn.Module):
    """A head that says class 0 everywhere, and notes where it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[torch.Tensor] = []

    def forward(self, fine: torch.Tensor, coarse: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        self.asked.append(at)
        return torch.tensor([9.0, -9.0]).view(1, 2, 1).expand(len(at), 2, at.shape[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_point_in_the_middle_of_a_pixel_has_its_value(dtype: torch.dtype) -> None:
    values = (torch.arange(300) % 7).view(1, 1, 3, 100).to(dtype)
    row, column = torch.tensor([0, 1, 2]), torch.tensor([0, 97, 51])
    middles = torch.stack([(column + 0.5) / 100, (row + 0.5) / 3], dim=1)[None]
    found = points.sample(values, middles)[0, 0]
    assert torch.allclose(found, values[0, 0, row, column].float(), atol=1e-3)


def test_refinement_asks_and_corrects_only_where_two_classes_are_near() -> None:
    sure = torch.full((1, 8, 8), 5.0)
    sure[:, :, 4] = 0.0
    coarse = torch.stack([-sure, sure], dim=1)
    head = Constant()
    found = points.refined(head, coarse, coarse, size=2, count=16)
    (asked,) = head.asked
    assert asked.shape == (1, 16, 2)
    # Two of the 16 columns of the enlarged map lie within the unsure one.
    assert ((asked[..., 0] - 4.5 / 8).abs() < 1 / 16).float().mean() > 0.9
    corrected = found[0, 0] == 9
    assert int(corrected.sum()) == 16
    enlarged = nn.functional.interpolate(coarse, scale_factor=2, mode="bilinear")
    assert torch.equal(found[0][:, ~corrected], enlarged[0][:, ~corrected])


def test_most_training_points_lie_where_the_prediction_is_unsure() -> None:
    torch.manual_seed(0)
    coarse = torch.zeros(2, 3, 16, 16)
    coarse[:, 0] = 8.0
    coarse[:, 0, :, :4] = 0.0  # a quarter of the picture
    at = points.training_points(coarse, 400)
    assert at.shape == (2, 400, 2) and at.min() >= 0 and at.max() < 1
    assert (at[..., 0] < 0.3).float().mean() > 0.7


def test_unnamed_pixels_weigh_nothing_and_boundaries_most() -> None:
    scores = torch.zeros(1, 2, 1, 4)
    scores[0, 0] = torch.tensor([0.0, 4.0, 4.0, -4.0])
    ids = torch.tensor([[[points.UNNAMED, 0, 0, 0]]])
    weight = points.boundary_weight(torch.tensor([[[0.0, 0.0, 50.0, 50.0]]]))
    assert weight[0, 0, 0] == 1 + points.BOUNDARY_WEIGHT and weight[0, 0, 2] < 1.01
    each = nn.functional.cross_entropy(scores[..., 1:], ids[..., 1:], reduction="none")
    expected = (each * weight[..., 1:]).sum() / weight[..., 1:].sum()
    assert torch.allclose(points.weighted(scores, ids, weight), expected)
    nothing = points.weighted(scores, torch.full_like(ids, points.UNNAMED), weight)
    assert nothing == 0


def test_a_restoration_network_that_was_not_trained_gives_its_input_back() -> None:
    degraded = torch.rand(2, 3, 8, 12)
    assert torch.equal(RestorationNetwork()(degraded), degraded)
