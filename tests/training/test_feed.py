"""Which batches a rank gets, in which epoch, and which samples they hold."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small_runs import NotedLoss, network, points, trainer
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
)
from torch.utils.data.distributed import DistributedSampler

from fastdata import FastLoader
from fastdata.errors import UsageError
from fastdata.training.feed import Feed, shared_out

CPU = torch.device("cpu")
NUMBERS = TensorDataset(torch.arange(23))


def values(loader: Any) -> list[int]:
    return [int(n) for batch in loader for n in batch[0]]


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_plain_dataloader_is_shared_out(shuffle: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "2")
        loader = DataLoader(NUMBERS, 4, shuffle=shuffle)
        seen.append(values(shared_out(loader, world=2)))
    assert sorted(seen[0] + seen[1]) == list(range(23))
    assert (seen[0] + seen[1] == sorted(seen[0]) + sorted(seen[1])) is not shuffle


def test_what_knows_its_rank_or_is_no_dataloader_stays() -> None:
    sampler = DistributedSampler(NUMBERS, num_replicas=2, rank=0)
    for loader in (
        DataLoader(NUMBERS, 4, sampler=sampler),
        DataLoader(NUMBERS, batch_sampler=BatchSampler(sampler, 4, False)),
        FastLoader(NUMBERS, 4),
        [1, 2],
    ):
        assert shared_out(loader, world=2) is loader
    plain = DataLoader(NUMBERS, 4)
    assert shared_out(plain, world=1) is plain


def test_what_cannot_be_shared_out_is_refused() -> None:
    sampler = RandomSampler(NUMBERS, replacement=True)
    with pytest.raises(UsageError, match="replacement cannot be shared out"):
        shared_out(DataLoader(NUMBERS, 4, sampler=sampler), world=2)


def test_samplers_are_told_the_epoch() -> None:
    told: list[int] = []

    class Noted(SequentialSampler):
        def set_epoch(self, epoch: int) -> None:
            told.append(epoch)

    loader = DataLoader(points(8), 4, sampler=Noted(points(8)))
    trainer(network(), NotedLoss(), epochs=3).fit(loader)
    assert told == [0, 1, 2]


@pytest.mark.parametrize("shuffle", [True, False])
def test_fastloader_tells_the_samples_of_a_batch(shuffle: bool) -> None:
    feed = Feed(FastLoader(NUMBERS, 4, shuffle=shuffle, seed=1), CPU)
    seen = []
    for batch in feed.begin(0, done=0):
        assert feed.indices().tolist() == batch[0].tolist()
        seen.append(batch)
    assert len(seen) == 6 and len(seen[-1][0]) == 3


def test_the_samples_of_a_resumed_epoch_are_told_too() -> None:
    first = Feed(FastLoader(NUMBERS, 4, shuffle=True, seed=1), CPU)
    batches = first.begin(0, done=0)
    next(batches), next(batches)
    feed = Feed(FastLoader(NUMBERS, 4, shuffle=True), CPU)
    feed.load_state_dict(first.state_dict())
    for batch in feed.begin(0, done=2):
        assert feed.indices().tolist() == batch[0].tolist() == next(batches)[0].tolist()


def test_a_plain_dataloader_s_draws_are_repeated_to_find_them() -> None:
    feed = Feed(DataLoader(NUMBERS, 4, shuffle=True), CPU)
    seen = [batch[0].tolist() for batch in feed.begin(0, done=0)]
    before = torch.get_rng_state()
    assert [feed.indices_of(place) for place in range(6)] == seen
    assert torch.equal(torch.get_rng_state(), before)
    own = Feed(DataLoader(NUMBERS, 4, shuffle=True, generator=torch.Generator()), CPU)
    list(own.begin(0, done=0))
    assert own.indices_of(0) is None
