"""What a loader of images keeps to, whichever engine makes its batches, and on which device."""

from __future__ import annotations

import gc
import itertools
import pickle
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from engines_here import PLACES
from loader_checks import (
    SAMPLE_LEVELS,
    assert_made_again,
    assert_same,
    assert_served,
    levels_apart,
)
from torch.utils.data import ConcatDataset, Subset

from fastdata import FastLoader, open_pack, transforms

pytestmark = pytest.mark.parametrize("place", PLACES)
more_workers_than_cores = pytest.mark.filterwarnings("ignore:This DataLoader will create")

Place = dict[str, str]
CROPS = [transforms.RandomResizedCrop(20), transforms.HorizontalFlip()]


def loader_of(dataset: Any, place: Place, batch_size: int = 4, **options: Any) -> FastLoader:
    options = {"transforms": CROPS, "num_workers": 2, "seed": 5} | options
    return FastLoader(dataset, batch_size, **place, **options)


def decoder_levels(place: Place) -> float:
    """How far apart images may be that one place has made twice; see `assert_made_again`."""
    return SAMPLE_LEVELS if "device" in place else 1e-9


def labels(batches: Any) -> list[list[int]]:
    return [batch.label.tolist() for batch in batches]


def test_a_batch_is_a_named_tuple_of_tensors_in_schema_order(photos: Path, place: Place) -> None:
    batch = next(iter(loader_of(photos, place, 5, num_workers=0)))
    image, mask, label, weight, box, name = batch
    with open_pack(photos) as pack:
        assert batch._fields == tuple(pack.schema)
    assert (image.shape, image.dtype) == ((5, 3, 20, 20), torch.uint8)
    assert image.is_contiguous(memory_format=torch.channels_last)
    assert (mask.shape, mask.dtype) == ((5, 20, 20), torch.uint8)
    assert (label.tolist(), label.dtype) == ([0, 1, 2, 0, 1], torch.int64)
    assert (weight.tolist(), weight.dtype) == ([0, 0.25, 0.5, 0.75, 1], torch.float64)
    assert (box.shape, box.dtype) == ((5, 4), torch.int16)
    assert name == [f"photo {index}" for index in range(5)]
    assert {value.device for value in batch[:-1]} == {torch.device(place.get("device", "cpu"))}


@more_workers_than_cores
@pytest.mark.parametrize("workers", [0, 1, 4])
def test_batches_do_not_depend_on_engine_and_workers(
    scenes: Path, place: Place, workers: int
) -> None:
    chain = [*CROPS, transforms.Normalize((0.5,) * 3, (0.2,) * 3)]
    options: dict[str, Any] = {"shuffle": True, "transforms": chain}
    loader = loader_of(scenes, place, num_workers=workers, **options)
    expected = loader_of(scenes, {"engine": "cpu"}, **options)
    assert loader.explain().engine == place["engine"]
    for _ in range(2):
        assert_served(place, list(loader), list(expected))


@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [4, 4, 4, 2]), (True, [4, 4, 4])])
def test_the_last_batch_may_be_smaller_or_left_out(
    scenes: Path, place: Place, drop_last: bool, sizes: list[int]
) -> None:
    loader = loader_of(scenes, place, drop_last=drop_last)
    for _ in range(2):
        assert [len(batch.image) for batch in loader] == sizes
    assert len(loader) == len(sizes)


def test_every_iteration_is_a_new_epoch_until_one_is_set(scenes: Path, place: Place) -> None:
    loader = loader_of(scenes, place, 14, shuffle=True)
    (first,), (second,) = loader, loader
    assert first.name != second.name
    assert sorted(first.name) == sorted(second.name)
    loader.set_epoch(0)
    for _ in range(2):
        assert_made_again(place, loader, [first])


def test_crops_are_new_in_every_epoch_and_for_every_seed(scenes: Path, place: Place) -> None:
    def images(seed: int, epoch: int) -> torch.Tensor:
        loader = loader_of(scenes, place, 14, seed=seed, fields=["image"])
        loader.set_epoch(epoch)
        (batch,) = loader
        return batch.image

    crops = [images(seed, epoch) for seed in (1, 2) for epoch in (0, 1)]
    for one, other in itertools.combinations(crops, 2):
        assert (levels_apart(one, other) > SAMPLE_LEVELS).all()
    assert (levels_apart(images(1, 1), crops[1]) < decoder_levels(place)).all()


def test_crops_follow_the_sample_not_its_place(scenes: Path, place: Place) -> None:
    def images(shuffle: bool) -> dict[str, torch.Tensor]:
        loader = loader_of(scenes, place, shuffle=shuffle)
        return {name: image for b in loader for name, image in zip(b.name, b.image, strict=True)}

    ordered, shuffled = images(False), images(True)
    assert list(ordered) != list(shuffled)
    one, other = (torch.stack([found[name] for name in ordered]) for found in (ordered, shuffled))
    assert (levels_apart(one, other) < decoder_levels(place)).all()


def test_parts_of_packs_are_served(scenes: Path, place: Place) -> None:
    with open_pack(scenes) as pack, open_pack(scenes) as other:
        both = ConcatDataset([Subset(pack, range(3, 9)), other])
        dataset = Subset(both, [15, 1, 8, 3, -1])
        loader = loader_of(dataset, place, 3)
        assert loader.explain().engine == place["engine"]
        batches = list(loader)
        assert labels(batches) == [[9, 4, 2], [6, 13]]
        assert_served(place, batches, list(loader_of(dataset, {"engine": "cpu"}, 3)))


def test_batches_of_a_sampler_may_grow(scenes: Path, place: Place) -> None:
    rows = [[0], [3, 4, 5], [1, 2], [6, 7, 8, 9, 10, 11], [12]]
    options: dict[str, Any] = {"batch_sampler": rows, "transforms": CROPS, "seed": 1}
    batches = list(FastLoader(scenes, num_workers=2, **place, **options))
    assert labels(batches) == rows
    assert_served(place, batches, list(FastLoader(scenes, engine="cpu", **options)))


def test_epochs_that_are_broken_off_leave_nothing_to_the_next(scenes: Path, place: Place) -> None:
    loader = loader_of(scenes, place, 2)
    loader.set_epoch(0)
    expected = list(loader)
    for count in (0, 1, 3):
        list(islice(loader, count))
        assert_made_again(place, loader, expected)


def test_loaders_and_iterators_may_run_at_once(scenes: Path, place: Place) -> None:
    loader = loader_of(scenes, place, 3)
    loader.set_epoch(0)
    other = loader_of(scenes, place, 3, fields=["pixels"])
    ones, twos, pixels = zip(*zip(loader, loader, other, strict=True), strict=True)
    assert_made_again(place, ones, twos)
    assert_served(place, ones, tuple(loader_of(scenes, {"engine": "cpu"}, 3)))
    # Pixels that are decoded already are the same on a GPU too.
    assert_same([batch.pixels for batch in pixels], [batch.pixels for batch in ones])


def test_a_batch_that_is_kept_is_never_written_again(scenes: Path, place: Place) -> None:
    loader = loader_of(scenes, place, 2)
    kept = list(loader)
    copies = [batch.image.clone() for batch in kept]
    for _ in range(3):
        list(loader)
    assert all(torch.equal(b.image, copy) for b, copy in zip(kept, copies, strict=True))
    views = [batch.image[0] for batch in loader]
    del loader, kept
    gc.collect()
    assert all(view.sum() > 0 for view in views)


def test_batches_and_loaders_pickle(scenes: Path, place: Place) -> None:
    loader = loader_of(scenes, place, shuffle=True)
    first = list(loader)
    again = pickle.loads(pickle.dumps(loader))  # noqa: S301
    again.set_epoch(0)
    assert_made_again(place, again, first)
    assert_same(pickle.loads(pickle.dumps(first[0])), first[0])  # noqa: S301
