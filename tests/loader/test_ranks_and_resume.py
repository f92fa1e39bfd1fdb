"""Ranks, epochs and positions: halves that are disjoint, and resumes that change nothing."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from loader_checks import assert_same
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, RandomSampler, TensorDataset
from torch.utils.data.distributed import DistributedSampler

from fastdata import FastLoader, transforms
from fastdata.errors import UsageError

CROPS = [transforms.RandomResizedCrop(16)]


def numbers(count: int) -> TensorDataset:
    return TensorDataset(torch.arange(count))


class Squares:
    """A map-style dataset of the user's own."""

    def __len__(self) -> int:
        return 23

    def __getitem__(self, index: int) -> int:
        return index * index


def values(loader: Any) -> list[list[int]]:
    return [(b[0] if isinstance(b, list) else b).tolist() for b in loader]


@pytest.fixture
def as_rank(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_rank(rank: int, world: int) -> None:
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", str(world))

    return set_rank


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("world", "count"), [(2, 20), (2, 23), (3, 23), (3, 25)])
def test_ranks_share_the_samples(as_rank: Any, world: int, count: int, drop_last: bool) -> None:
    batches = []
    for rank in range(world):
        as_rank(rank, world)
        loader = FastLoader(numbers(count), 4, shuffle=True, drop_last=drop_last)
        batches.append(values(loader))
        assert len(loader) == len(batches[-1])
    assert len({len(rank) for rank in batches}) == 1
    seen = [sample for rank in batches for batch in rank for sample in batch]
    assert len(seen) == len(set(seen))
    assert len(seen) == (count // (4 * world) * 4 * world if drop_last else count)


def test_a_sampler_of_ones_own_is_not_shared_out_again(as_rank: Any) -> None:
    as_rank(1, 2)
    sampler = DistributedSampler(range(20), num_replicas=2, rank=1, shuffle=True)
    plain = DataLoader(numbers(20), 4, sampler=sampler)
    loader = FastLoader(numbers(20), 4, sampler=sampler)
    loader.set_epoch(3)
    assert sampler.epoch == 3
    assert values(loader) == values(plain)


def test_ranks_without_a_seed_agree(as_rank: Any) -> None:
    seen = []
    for rank in range(2):
        torch.manual_seed(rank)
        as_rank(rank, 2)
        seen += [n for batch in values(FastLoader(numbers(20), 5, shuffle=True)) for n in batch]
    assert sorted(seen) == list(range(20))


def test_torch_s_seed_governs_and_a_generator_of_ones_own() -> None:
    def order(torch_seed: int, **options: Any) -> list[list[int]]:
        torch.manual_seed(torch_seed)
        return values(FastLoader(numbers(30), 30, shuffle=True, **options))

    assert order(1) == order(1) != order(2)
    fixed = [order(n, generator=torch.Generator().manual_seed(9)) for n in range(2)]
    assert fixed[0] == fixed[1]
    assert order(1, seed=4) == order(2, seed=4)


@pytest.mark.parametrize("dataset", [numbers(23), Squares()])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_resume_of_other_datasets(dataset: Any, workers: int) -> None:
    def loader(**options: Any) -> FastLoader:
        return FastLoader(dataset, 4, shuffle=True, num_workers=workers, **options)

    expected = values(loader(seed=3))
    broken = loader(seed=3)
    head = values(islice(broken, 2))
    resumed = loader()
    resumed.load_state_dict(broken.state_dict())
    assert head + values(resumed) == expected


@pytest.mark.parametrize(("before", "after"), [(2, 3), (3, 1), (1, 2)])
def test_a_resume_with_another_world_size(as_rank: Any, before: int, after: int) -> None:
    seen, states = [], []
    for rank in range(before):
        as_rank(rank, before)
        loader = FastLoader(numbers(50), 4, shuffle=True, seed=1)
        seen += [n for batch in values(islice(loader, 3)) for n in batch]
        states.append(loader.state_dict())
    assert all(state == states[0] for state in states)
    for rank in range(after):
        as_rank(rank, after)
        loader = FastLoader(numbers(50), 4, shuffle=True)
        loader.load_state_dict(states[0])
        seen += [n for batch in values(loader) for n in batch]
    assert sorted(seen) == list(range(50))


def test_a_training_loop_that_sets_epochs_resumes() -> None:
    def run(loader: FastLoader, first: int, stop: int | None = None) -> list[list[int]]:
        seen: list[list[int]] = []
        for epoch in range(first, 3):
            loader.set_epoch(epoch)
            for batch in loader:
                seen.append(batch[0].tolist())
                if len(seen) == stop:
                    return seen
        return seen

    expected = run(FastLoader(numbers(10), 3, shuffle=True, seed=8), 0)
    broken = FastLoader(numbers(10), 3, shuffle=True, seed=8)
    head = run(broken, 0, stop=6)
    state = broken.state_dict()
    resumed = FastLoader(numbers(10), 3, shuffle=True)
    resumed.load_state_dict(state)
    assert head + run(resumed, state["epoch"]) == expected


def test_a_loaded_place_is_dropped_for_another_epoch() -> None:
    loader = FastLoader(numbers(8), 2, shuffle=True, seed=1)
    next(iter(loader))
    state = loader.state_dict()
    loader.load_state_dict(state)
    assert loader.state_dict() == state
    loader.set_epoch(5)
    assert len(values(loader)) == 4


def test_the_state_after_a_whole_epoch_is_the_next_one() -> None:
    loader = FastLoader(numbers(8), 2, shuffle=True, seed=1)
    assert loader.state_dict()["epoch"] == 0
    list(loader)
    state = loader.state_dict()
    assert (state["epoch"], state["consumed"]) == (1, 0)


def test_a_sampler_that_repeats_itself_is_resumed_by_skipping() -> None:
    def loader() -> FastLoader:
        sampler = RandomSampler(range(20), generator=torch.Generator().manual_seed(2))
        return FastLoader(numbers(20), batch_sampler=BatchSampler(sampler, 3, False))

    expected = values(loader())
    broken = loader()
    head = values(islice(broken, 4))
    resumed = loader()
    resumed.load_state_dict(broken.state_dict())
    assert head + values(resumed) == expected


class Stream(IterableDataset[int]):
    def __iter__(self) -> Any:
        return iter(range(10))


def test_an_iterable_dataset_is_resumed_by_reading_up_to_it() -> None:
    broken = FastLoader(Stream(), 3, num_workers=0)
    head = values(islice(broken, 2))
    resumed = FastLoader(Stream(), 3, num_workers=0)
    resumed.load_state_dict(broken.state_dict())
    assert head + values(resumed) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 9}, "samples=9, this loader has 8"),
        ({"shuffle": False}, "shuffle=False, this loader has True"),
        ({"version": 2}, "version 2; this fastdata reads 1"),
        ({"extra": 1}, "pass what state_dict"),
    ],
)
def test_a_state_of_something_else_is_refused(change: dict[str, Any], message: str) -> None:
    loader = FastLoader(numbers(8), 2, shuffle=True, seed=1)
    with pytest.raises(UsageError, match=message):
        loader.load_state_dict(loader.state_dict() | change)


def test_a_state_of_another_order_is_refused() -> None:
    loader = FastLoader(numbers(8), 2, shuffle=True, seed=1)
    next(iter(loader))
    loader.load_state_dict(loader.state_dict() | {"order": 1})
    with pytest.raises(UsageError, match="another order than its seed gives"):
        iter(loader)


@pytest.mark.parametrize("epoch", [-1, 1.5, True, "2"])
def test_an_epoch_is_a_whole_number(epoch: Any) -> None:
    with pytest.raises(UsageError, match="expected a whole number from 0"):
        FastLoader(numbers(8)).set_epoch(epoch)


def test_seeds_and_epochs_may_come_from_other_libraries() -> None:
    loader, other = (FastLoader(numbers(20), 20, True, seed=s) for s in (3, np.int64(3)))
    loader.set_epoch(2)
    for epoch in (np.int64(2), torch.tensor(2)):
        other.set_epoch(epoch)
        assert_same(next(iter(loader)), next(iter(other)))
        assert type(other.state_dict()["epoch"]) is type(other.state_dict()["seed"]) is int


def test_an_epoch_that_is_set_is_the_place_before_it_begins() -> None:
    loader = FastLoader(numbers(20), 4, True, seed=1)
    loader.set_epoch(0)
    next(iter(loader))
    loader.set_epoch(3)
    state = loader.state_dict()
    assert (state["epoch"], state["consumed"]) == (3, 0)
    resumed = FastLoader(numbers(20), 4, True, seed=2)
    resumed.load_state_dict(state)
    assert_same(list(resumed), list(loader))
