"""The cache: equal values, each sample read once, in memory and in a pack."""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from loader_checks import assert_same
from loader_datasets import Everything, Point
from torch.utils.data import DataLoader, IterableDataset

from fastdata import FastLoader, cache, open_pack
from fastdata.errors import PackCorrupt, SharedMemoryFull, UsageError
from fastdata.loader.arena import Arena
from fastdata.loader.freezing import Freezer


def alone(samples: list[Any]) -> Any:
    (sample,) = samples
    return sample


@pytest.fixture
def dataset(tmp_path: Path) -> Everything:
    return Everything(tmp_path / "reads.txt")


@pytest.mark.parametrize("to", ["memory", "cache.lmdb", "cache.h5"])
def test_samples_come_back_equal_and_are_read_once(
    dataset: Everything, tmp_path: Path, to: str
) -> None:
    cached = cache(dataset, to if to == "memory" else tmp_path / to)
    assert len(cached) == len(dataset)
    expected = [dataset[index] for index in range(len(dataset))]
    first = [cached[index] for index in range(len(cached))]
    reads = len(dataset.reads())
    assert_same([cached[index] for index in range(len(cached))], expected)
    assert_same(first, expected)
    assert_same(cached[-1], expected[-1])
    assert len(dataset.reads()) == reads
    with pytest.raises(IndexError):
        cached[len(cached)]


def test_what_the_user_changes_does_not_change_the_cache(dataset: Everything) -> None:
    cached = cache(dataset)
    cached[0]["image"][:] = 99
    cached[0]["tensor"].zero_()
    assert_same(cached[0], dataset[0])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_all_workers_share_one_cache(dataset: Everything, method: str) -> None:
    cached = cache(dataset)
    for workers in (2, 1):
        loader = DataLoader(
            cached, 1, num_workers=workers, multiprocessing_context=method, collate_fn=alone
        )
        assert_same(list(loader), [dataset[index] for index in range(len(dataset))])
    assert cached.kept == len(dataset)
    counts = [dataset.reads().count(index) for index in range(len(dataset))]
    # Twice for the comparisons above, once for the cache; the first loader may read ahead of it.
    assert counts == [3] * len(dataset)


def fill_and_die(arena: Arena) -> None:
    arena.put(0, b"whole")
    with arena._lock():
        arena._data[5:9] = b"half"
        os._exit(1)


def test_a_worker_that_dies_while_it_writes_harms_nobody() -> None:
    arena = Arena(3, 100)
    process = multiprocessing.get_context("fork").Process(target=fill_and_die, args=(arena,))
    process.start()
    process.join()
    assert arena.put(1, b"next")
    assert [None if (d := arena.get(i)) is None else bytes(d) for i in range(3)] == [
        b"whole",
        b"next",
        None,
    ]


def test_a_full_cache_keeps_a_part_and_says_so(
    dataset: Everything, caplog: pytest.LogCaptureFixture
) -> None:
    cached = cache(dataset, max_bytes=1500)
    with caplog.at_level(logging.WARNING, "fastdata"):
        got = [cached[index] for index in range(len(dataset)) for _ in range(2)]
    assert_same(got[::2], [dataset[index] for index in range(len(dataset))])
    assert 0 < cached.kept < len(dataset)
    assert cached.kept_bytes <= 1500
    assert [record.getMessage()[:17] for record in caplog.records] == ["the cache is full"]


def test_a_pack_may_hold_a_part(dataset: Everything, tmp_path: Path) -> None:
    cached = cache(dataset, tmp_path / "part.lmdb", max_bytes=1500)
    assert 0 < cached.kept < len(dataset)
    assert_same(cached[5], dataset[5])


class Huge:
    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, index: int) -> Any:
        return np.zeros(10_000)


@pytest.mark.parametrize("max_bytes", [None, 10**15])
def test_what_does_not_fit_is_refused_with_figures(max_bytes: int | None) -> None:
    with pytest.raises(SharedMemoryFull, match=r"80\d+\.\d+ GB.* of memory are free"):
        cache(Huge(), max_bytes=max_bytes)


def test_a_limit_larger_than_the_memory_is_one_that_is_never_reached(dataset: Everything) -> None:
    cached = cache(dataset, max_bytes=10**15)
    assert_same(
        [cached[at] for at in range(len(dataset))], list(map(dataset.__getitem__, range(6)))
    )
    assert cached.kept == len(dataset)


def test_a_disk_too_small_is_refused_with_figures(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"are free in"):
        cache(Huge(), tmp_path / "huge.lmdb")
    assert list(tmp_path.iterdir()) == []


def test_a_pack_is_used_again_and_must_fit(dataset: Everything, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    cache(dataset, tmp_path / "c.lmdb", progress=lambda *counts: told.append(counts))
    assert told == [(count, 6) for count in range(1, 7)]
    again = cache(dataset, tmp_path / "c.lmdb", progress=lambda *counts: told.append(counts))
    assert len(told) == 6
    assert_same(again[2], dataset[2])
    with pytest.raises(UsageError, match="other samples or limits"):
        cache(Everything(dataset.log, count=5), tmp_path / "c.lmdb")
    with pytest.raises(UsageError, match="other samples or limits"):
        cache([np.zeros(3)] * 6, tmp_path / "c.lmdb")


class Breaking(Everything):
    def __getitem__(self, index: int) -> Any:
        if index == 4 and not (self.log.parent / "repaired").exists():
            raise OSError("the network is gone")
        return super().__getitem__(index)


def test_an_interrupted_pack_is_gone_on_with(tmp_path: Path) -> None:
    dataset = Breaking(tmp_path / "reads.txt", count=30)
    with pytest.raises(OSError, match="the network is gone"):
        cache(dataset, tmp_path / "c.lmdb")
    (tmp_path / "repaired").touch()
    cached = cache(dataset, tmp_path / "c.lmdb")
    assert cached.kept == 30
    assert_same(cached[29], dataset[29])


def test_a_cache_in_a_loader(dataset: Everything) -> None:
    loader = FastLoader(cache(dataset), 3, collate_fn=list, num_workers=1)
    assert_same([s for b in loader for s in b], [dataset[i] for i in range(6)])


def test_a_plainly_pickled_cache_begins_anew(dataset: Everything) -> None:
    cached = cache(dataset)
    copy = pickle.loads(pickle.dumps(cached))  # noqa: S301
    assert copy.kept == 0
    assert_same(copy[1], cached[1])


@pytest.mark.parametrize(
    ("sample", "where"),
    [
        ((1, {"a": {3}}), r"sample 0\[1\]\['a'\] is a builtins.set"),
        (Point(1, object()), r"sample 0\.y is a builtins.object"),
        (np.array([object()]), "sample 0 is a numpy.ndarray"),
        (torch.zeros(2, requires_grad=True), "requires_grad=True"),
    ],
    ids=["set", "object", "object array", "grad"],
)
def test_what_cannot_be_kept_is_named(sample: Any, where: str) -> None:
    with pytest.raises(UsageError, match=where):
        cache([sample])


class Endless(IterableDataset[int]):
    def __iter__(self) -> Any:
        return itertools.count()


@pytest.mark.parametrize("dataset", [Endless(), object()])
def test_only_datasets_with_an_index_are_cached(dataset: Any) -> None:
    with pytest.raises(UsageError, match="needs a dataset with a length"):
        cache(dataset)


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(NESTED)
def test_nested_values_survive(value: Any) -> None:
    freezer = Freezer()
    thawed = freezer.thaw(memoryview(freezer.freeze(value, "it")))
    assert repr(thawed) == repr(value)


# The array's dtype becomes ",i8", "<08" and, of an old name, "<a8".
@example(22, ord(","))
@example(23, ord("0"))
@example(23, ord("a"))
@given(st.integers(0, 200), st.integers(0, 255))
def test_changed_bytes_are_corrupt_or_another_value_never_anything_else(at: int, to: int) -> None:
    freezer = Freezer()
    value = {"a": np.arange(3), "p": Point(1, (2.5, "x")), "t": torch.ones(2)}
    data = bytearray(freezer.freeze(value, "it"))
    data[at % len(data)] = to
    try:
        Freezer().thaw(memoryview(data))
    except PackCorrupt as error:
        assert "delete the cache" in str(error)


def test_a_cut_sample_is_corrupt() -> None:
    freezer = Freezer()
    data = freezer.freeze({"a": np.arange(30)}, "it")
    for length in range(0, len(data), 7):
        with pytest.raises(PackCorrupt):
            freezer.thaw(memoryview(data[:length]))


def test_a_cache_pack_is_an_ordinary_pack(dataset: Everything, tmp_path: Path) -> None:
    cache(dataset, tmp_path / "c.lmdb")
    with open_pack(tmp_path / "c.lmdb") as pack:
        assert pack.verify().ok
        assert isinstance(pack[0].sample, bytes)
        assert len(next(iter(FastLoader(pack, 4))).sample) == 4
    shutil.rmtree(tmp_path / "c.lmdb")


def test_another_byte_order_is_kept() -> None:
    cached = cache([np.arange(3, dtype=">i4")])
    assert_same(cached[0], np.arange(3, dtype=">i4"))
