"""Epoch order: disjoint ranks, no padding, equal numbers of batches, and resume by re-cutting."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastdata.loader.order import Shard, cut, epoch_order, fingerprint, shard_length

SHAPES = {
    "count": st.integers(0, 70),
    "batch_size": st.integers(1, 9),
    "world": st.integers(1, 5),
}


def all_ranks(order: np.ndarray, world: int, **options: int) -> list[Shard]:
    return [cut(order, rank=rank, world=world, drop_last=False, **options) for rank in range(world)]


def merged(shards: list[Shard]) -> list[list[int]]:
    """The samples of each step over all ranks, sorted."""
    return [sorted(np.concatenate(step).tolist()) for step in zip(*shards, strict=True)]


def flat(steps: list[list[int]]) -> list[int]:
    return [sample for step in steps for sample in step]


@given(**SHAPES)
def test_every_rank_has_as_many_batches_and_none_is_empty(
    count: int, batch_size: int, world: int
) -> None:
    order = epoch_order(count, shuffle=True, seed=1, epoch=0)
    shards = all_ranks(order, world, batch_size=batch_size)
    expected = shard_length(count, batch_size=batch_size, world=world, drop_last=False)
    assert {len(shard) for shard in shards} == {expected}
    assert all(1 <= len(batch) <= batch_size for shard in shards for batch in shard)


@given(**SHAPES)
def test_ranks_share_all_samples_without_repeating_one(
    count: int, batch_size: int, world: int
) -> None:
    order = epoch_order(count, shuffle=True, seed=1, epoch=0)
    seen = flat(merged(all_ranks(order, world, batch_size=batch_size)))
    assert set(seen) == set(range(count))
    if batch_size > 1 and count >= world:
        assert len(seen) == count


@given(**SHAPES)
def test_dropping_the_last_leaves_only_full_batches(
    count: int, batch_size: int, world: int
) -> None:
    order = epoch_order(count, shuffle=True, seed=1, epoch=0)
    for rank in range(world):
        shard = cut(order, batch_size=batch_size, rank=rank, world=world, drop_last=True)
        assert len(shard) == count // (batch_size * world)
        assert all(len(batch) == batch_size for batch in shard)


@given(**SHAPES, step=st.integers(0, 30))
def test_what_is_left_after_a_stop_equals_the_unbroken_rest(
    count: int, batch_size: int, world: int, step: int
) -> None:
    order = epoch_order(count, shuffle=True, seed=1, epoch=0)
    unbroken = all_ranks(order, world, batch_size=batch_size)
    step = min(step, len(unbroken[0]))
    consumed = int(unbroken[0].ends[step - 1]) if step else 0
    resumed = all_ranks(order, world, batch_size=batch_size, consumed=consumed)
    assert merged(resumed) == merged(unbroken)[step:]


@given(**SHAPES, step=st.integers(0, 30), later_world=st.integers(1, 5))
def test_another_world_takes_over_exactly_what_is_left(
    count: int, batch_size: int, world: int, step: int, later_world: int
) -> None:
    order = epoch_order(count, shuffle=True, seed=1, epoch=0)
    before = all_ranks(order, world, batch_size=batch_size)
    step = min(step, len(before[0]))
    consumed = int(before[0].ends[step - 1]) if step else 0
    seen = set(flat(merged(before)[:step]))
    after = all_ranks(order, later_world, batch_size=batch_size, consumed=consumed)
    rest = set(flat(merged(after)))
    assert not seen & rest
    assert seen | rest == set(range(count))


def test_two_ranks_see_disjoint_halves_in_the_order_of_one() -> None:
    order = epoch_order(8, shuffle=True, seed=3, epoch=1)
    one, two = all_ranks(order, 2, batch_size=2)
    assert [batch.tolist() for batch in one] == [order[[0, 2]].tolist(), order[[4, 6]].tolist()]
    assert [batch.tolist() for batch in two] == [order[[1, 3]].tolist(), order[[5, 7]].tolist()]


def test_a_last_batch_too_small_for_all_ranks_borrows_from_the_one_before() -> None:
    shards = all_ranks(np.arange(13), 3, batch_size=4)
    assert [[len(batch) for batch in shard] for shard in shards] == [[4, 1], [3, 1], [3, 1]]


def test_positions_count_what_all_ranks_have_consumed() -> None:
    (shard, _, _) = all_ranks(np.arange(37), 3, batch_size=3)
    assert shard.ends.tolist() == [9, 18, 27, 34, 37]
    assert all_ranks(np.arange(37), 3, batch_size=3, consumed=27)[0].ends.tolist() == [34, 37]


def test_groups_hold_the_same_batches() -> None:
    shard = cut(np.arange(23), batch_size=4, rank=0, world=1, drop_last=False)
    parts = [
        part.tolist()
        for indices, sizes in shard.groups(3)
        for part in np.split(indices, np.cumsum(sizes)[:-1])
    ]
    assert parts == [batch.tolist() for batch in shard]


def test_epochs_and_seeds_differ_and_repeat() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return epoch_order(50, shuffle=True, seed=seed, epoch=epoch).tolist()

    assert order(1, 0) == order(1, 0)
    assert len({tuple(order(seed, epoch)) for seed in (1, 2) for epoch in (0, 1)}) == 4
    assert sorted(order(2, 1)) == list(range(50))


def test_without_shuffling_the_order_is_the_dataset_s() -> None:
    assert epoch_order(4, shuffle=False, seed=9, epoch=9).tolist() == [0, 1, 2, 3]


def test_a_fingerprint_tells_orders_apart() -> None:
    first = epoch_order(50, shuffle=True, seed=1, epoch=0)
    assert fingerprint(first) == fingerprint(first.copy())
    assert fingerprint(first) != fingerprint(epoch_order(50, shuffle=True, seed=1, epoch=1))
