"""The next epoch's first batches are made before it is asked for, and are never another epoch's."""

from __future__ import annotations

import gc
import os
import threading
import time
import warnings
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from engines_here import PLACES
from loader_checks import assert_served

from fastdata import FastLoader, transforms
from fastdata.engines.maker import PackMaker

pytestmark = pytest.mark.parametrize("place", [place for place in PLACES if place.id != "torch"])

Place = dict[str, str]
CROPS = [transforms.RandomResizedCrop(20), transforms.HorizontalFlip()]
COUNT = 14


def loader_of(scenes: Path, place: Place, **options: Any) -> FastLoader:
    options = {"shuffle": True, "transforms": CROPS, "num_workers": 2, "seed": 3} | options
    return FastLoader(scenes, 4, **place, **options)


def epochs_of(scenes: Path, count: int, **options: Any) -> list[list[Any]]:
    """What nothing makes ahead."""
    loader = loader_of(scenes, {"engine": "cpu"}, num_workers=0, **options)
    return [list(loader) for _ in range(count)]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], int]:
    """How many batches of an epoch were begun with ahead of time, once no more are."""
    seen: list[int] = []
    original = PackMaker.values

    def values(self: Any, task: Any, *args: Any) -> Any:
        if threading.current_thread().name == "fastdata-producer":
            seen.append(task.epoch)
        return original(self, task, *args)

    monkeypatch.setattr(PackMaker, "values", values)

    def count(epoch: int) -> int:
        last = -1
        while len(seen) > last:
            last = len(seen)
            time.sleep(0.2)
        return seen.count(epoch)

    return count


def producers() -> list[threading.Thread]:
    gc.collect()
    return [thread for thread in threading.enumerate() if thread.name == "fastdata-producer"]


def test_the_next_epoch_is_begun_with_by_the_last_batch(
    scenes: Path, place: Place, begun: Callable[[int], int]
) -> None:
    loader = loader_of(scenes, place)
    batches = iter(loader)
    for _ in range(3):
        next(batches)
    assert begun(1) == 0
    last = next(batches)
    assert 1 <= begun(1) < 4
    assert loader.state_dict()["epoch"] == 0 and loader.state_dict()["consumed"] == COUNT
    del batches, last
    assert len(producers()) == 1
    assert_served(place, list(loader), epochs_of(scenes, 2)[1])
    # None was made twice.
    assert begun(1) == 4
    del loader
    assert not producers()


def test_all_epochs_are_what_they_are_without(scenes: Path, place: Place) -> None:
    loader, expected = loader_of(scenes, place), epochs_of(scenes, 4)
    for wanted in expected[:2]:
        assert_served(place, list(loader), wanted)
    # A state between two epochs, and one within the third.
    between = loader.state_dict()
    assert_served(place, list(islice(loader, 2)), expected[2][:2])
    within = loader.state_dict()
    list(loader)
    loader.load_state_dict(within)
    assert_served(place, list(loader), expected[2][2:])
    assert_served(place, list(loader), expected[3])
    loader.load_state_dict(between)
    assert_served(place, list(loader), expected[2])


def test_epochs_that_are_set_are_those_that_come(
    scenes: Path, place: Place, begun: Callable[[int], int]
) -> None:
    expected = epochs_of(scenes, 6)
    loader = loader_of(scenes, place)
    for epoch in (0, 1):
        loader.set_epoch(epoch)
        assert_served(place, list(loader), expected[epoch])
    # One more each time, so far.
    assert begun(2) >= 1
    for epoch in (5, 5, 5, 0):
        loader.set_epoch(epoch)
        assert_served(place, list(loader), expected[epoch])


def test_another_rank_has_its_own_share(
    scenes: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = loader_of(scenes, place)
    seen = len(list(loader))
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    share = list(loader)
    assert (seen, len(share)) == (4, 2)
    assert_served(place, share, epochs_of(scenes, 2)[1])


def test_an_epoch_that_is_broken_off_begins_with_no_other(
    scenes: Path, place: Place, begun: Callable[[int], int]
) -> None:
    loader = loader_of(scenes, place)
    for _ in islice(loader, 3):
        pass
    assert not producers()
    assert begun(1) == 0


def test_an_error_of_the_next_epoch_comes_when_its_batch_is_asked_for(
    scenes: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = epochs_of(scenes, 2)
    original, failed = PackMaker.values, threading.Event()

    def fails_once(self: Any, task: Any, *args: Any) -> Any:
        if task.epoch == 1 and not failed.is_set():
            failed.set()
            raise ZeroDivisionError("epoch 1")
        return original(self, task, *args)

    monkeypatch.setattr(PackMaker, "values", fails_once)
    loader = loader_of(scenes, place)
    assert_served(place, list(loader), expected[0])
    assert failed.wait(timeout=60)
    batches = iter(loader)
    with pytest.raises(ZeroDivisionError, match="epoch 1"):
        next(batches)
    assert_served(place, list(batches), expected[1][1:])


def test_a_fork_between_epochs_reads_on(scenes: Path, place: Place) -> None:
    if "device" in place:
        pytest.skip("a fork cannot use the GPU of its parent")
    loader = loader_of(scenes, place)
    list(loader)
    expected = [batch.image.sum().item() for batch in epochs_on(scenes, place)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(0 if [batch.image.sum().item() for batch in loader] == expected else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert [batch.image.sum().item() for batch in loader] == expected


def epochs_on(scenes: Path, place: Place) -> list[Any]:
    loader = loader_of(scenes, place, num_workers=0)
    loader.set_epoch(1)
    return list(loader)
