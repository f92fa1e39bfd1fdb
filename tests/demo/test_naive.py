"""The file dataset of the comparison does what its pack does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from fastdata.demo.files import write_files
from fastdata.demo.naive import FileScenes
from fastdata.demo.network import SmallNetwork, demo_loss
from fastdata.demo.scenes import LANDS, PARTS, TRUNCATE, make_scene
from fastdata.distance import boundary


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> FileScenes:
    made = write_files(
        tmp_path_factory.mktemp("files"), samples=8, seed=0, threads=2, progress=lambda *_: None
    )
    return FileScenes(
        made.table, lands=LANDS, size=64, truncate=TRUNCATE, mean=(0.5,) * 3, std=(0.25,) * 3
    )


def test_a_sample_has_the_shapes_and_types_that_training_takes(scenes: FileScenes) -> None:
    image, mask, distance, land = scenes[3]
    assert (image.shape, image.dtype) == ((3, 64, 64), torch.float32)
    assert (mask.shape, mask.dtype) == ((64, 64), torch.int64)
    assert (distance.shape, distance.dtype) == ((64, 64), torch.float32)
    assert LANDS[land] == "snow"
    assert image.min() >= -2 and image.max() <= 2
    assert set(mask.unique().tolist()) <= set(range(len(PARTS)))


def test_image_mask_and_distance_are_cut_alike(scenes: FileScenes) -> None:
    """Where a cut mask changes class, the cut distance is small; far from it, large."""
    for index in range(8):
        _, mask, distance, _ = scenes[index]
        near = boundary(mask.numpy().astype(np.uint8)) == 0
        if near.any():
            assert distance.numpy()[near].mean() < 2.5 < distance.numpy().max()


def test_distances_are_those_of_the_whole_mask_scaled_with_the_crop(
    scenes: FileScenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask = make_scene(0, 0).mask
    height, width = mask.shape
    monkeypatch.setattr("fastdata.demo.naive._random_box", lambda w, h: (0, 0, w, h))
    torch.manual_seed(0)
    distance = scenes[0][2]
    whole = np.minimum(boundary(mask), TRUNCATE)
    factor = 64 / np.sqrt(height * width)
    small = np.asarray(Image.fromarray(whole).resize((64, 64), Image.Resampling.BILINEAR)) * factor
    flipped = not np.allclose(distance.numpy(), small, atol=1e-4)
    np.testing.assert_allclose(distance.numpy(), small[:, ::-1] if flipped else small, atol=1e-4)


def test_the_network_learns_what_it_is_shown(scenes: FileScenes) -> None:
    torch.manual_seed(0)
    image, mask, distance, land = torch.utils.data.default_collate([scenes[i] for i in range(8)])
    network = SmallNetwork(lands=len(LANDS), parts=len(PARTS))
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(12):
        loss = demo_loss(network(image), land, mask, distance)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_boundary_pixels_weigh_more() -> None:
    scores = (torch.zeros(1, 2), torch.zeros(1, 2, 4, 4))
    scores[1][0, 0, :, :2] = 5.0  # right for class 0 on the left half, undecided on the right
    land, mask = torch.zeros(1, dtype=torch.int64), torch.zeros(1, 4, 4, dtype=torch.int64)
    near_left, near_right = torch.full((1, 4, 4), 30.0), torch.full((1, 4, 4), 30.0)
    near_left[..., :2] = 0
    near_right[..., 2:] = 0
    assert demo_loss(scores, land, mask, near_left) < demo_loss(scores, land, mask, near_right)
