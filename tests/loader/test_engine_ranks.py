"""Ranks and resumes of loaders of images, whichever engine makes the batches."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from engines_here import PLACES
from loader_checks import SAMPLE_LEVELS, assert_served, levels_apart

from fastdata import FastLoader, transforms

pytestmark = pytest.mark.parametrize("place", PLACES)

Place = dict[str, str]
CPU: Place = {"engine": "cpu"}
CROPS = [transforms.RandomResizedCrop(20), transforms.HorizontalFlip()]
COUNT = 14


def loader_of(scenes: Path, place: Place, batch_size: int = 2, **options: Any) -> FastLoader:
    options = {"shuffle": True, "transforms": CROPS, "num_workers": 2} | options
    return FastLoader(scenes, batch_size, **place, **options)


def as_rank(rank: int, world: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setenv("WORLD_SIZE", str(world))


@pytest.mark.parametrize(("world", "drop_last"), [(2, False), (2, True), (3, False), (3, True)])
def test_ranks_share_the_samples(
    scenes: Path, place: Place, world: int, drop_last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, lengths = [], set()
    for rank in range(world):
        as_rank(rank, world, monkeypatch)
        loader = loader_of(scenes, place, seed=1, drop_last=drop_last)
        batches = list(loader)
        assert len(loader) == len(batches)
        lengths.add(len(batches))
        assert_served(place, batches, list(loader_of(scenes, CPU, seed=1, drop_last=drop_last)))
        seen += [label for batch in batches for label in batch.label.tolist()]
    assert len(lengths) == 1
    assert len(seen) == len(set(seen))
    assert len(seen) == (COUNT // (2 * world) * 2 * world if drop_last else COUNT)


@pytest.mark.parametrize("later_workers", [0, 2])
@pytest.mark.parametrize("step", [0, 2, 4])
def test_a_resume_goes_on_as_if_unbroken(
    scenes: Path, place: Place, step: int, later_workers: int
) -> None:
    unbroken = loader_of(scenes, CPU, 3, seed=3, num_workers=0)
    expected = [list(unbroken) for _ in range(3)]
    broken = loader_of(scenes, place, 3, seed=3)
    list(broken)
    list(islice(broken, step))
    state = pickle.loads(pickle.dumps(broken.state_dict()))  # noqa: S301
    # Another engine may go on too.
    for later in (place, CPU):
        resumed = loader_of(scenes, later, 3, num_workers=later_workers)
        resumed.load_state_dict(state)
        assert_served(later, list(resumed), expected[1][step:])
        assert_served(later, list(resumed), expected[2])


@pytest.mark.parametrize(("before", "after"), [(2, 3), (3, 1), (1, 2)])
def test_a_resume_with_another_world_size(
    scenes: Path, place: Place, before: int, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole,) = loader_of(scenes, CPU, COUNT, shuffle=False, seed=1)
    batches, states = [], []
    for rank in range(before):
        as_rank(rank, before, monkeypatch)
        loader = loader_of(scenes, place, seed=1)
        batches += list(islice(loader, 1))
        states.append(loader.state_dict())
    assert all(state == states[0] for state in states)
    for rank in range(after):
        as_rank(rank, after, monkeypatch)
        loader = loader_of(scenes, place)
        loader.load_state_dict(states[0])
        batches += list(loader)
    labels = torch.cat([batch.label for batch in batches]).cpu()
    assert sorted(labels.tolist()) == list(range(COUNT))
    images = torch.cat([batch.image for batch in batches]).cpu()
    assert (levels_apart(images, whole.image[labels]) < SAMPLE_LEVELS).all()


def test_a_training_loop_that_sets_epochs_resumes(scenes: Path, place: Place) -> None:
    def run(loader: FastLoader, first: int, stop: int | None = None) -> list[Any]:
        seen: list[Any] = []
        for epoch in range(first, 3):
            loader.set_epoch(epoch)
            for batch in loader:
                seen.append(batch)
                if len(seen) == stop:
                    return seen
        return seen

    expected = run(loader_of(scenes, CPU, 4, seed=8), 0)
    broken = loader_of(scenes, place, 4, seed=8)
    head = run(broken, 0, stop=6)
    state = broken.state_dict()
    resumed = loader_of(scenes, place, 4)
    resumed.load_state_dict(state)
    assert_served(place, head + run(resumed, state["epoch"]), expected)


def test_the_state_counts_what_was_handed_out(scenes: Path, place: Place) -> None:
    loader = loader_of(scenes, place, 4, seed=1)
    batches = iter(loader)
    for consumed in (4, 8, 12):
        next(batches)
        state = loader.state_dict()
        assert (state["epoch"], state["consumed"]) == (0, consumed)
    list(batches)
    state = loader.state_dict()
    assert (state["epoch"], state["consumed"]) == (1, 0)


# Seeds of their own, of which those of the first rank hold for all, or the ranks would not agree.
SCRIPT = """
import json, sys
import torch
import torch.distributed as dist
from fastdata import FastLoader, transforms

scenes, store, rank, place = sys.argv[1:]
torch.manual_seed(int(rank))
dist.init_process_group("gloo", init_method=f"file://{store}", rank=int(rank), world_size=2)
crops = [transforms.RandomResizedCrop(20)]
loader = FastLoader(scenes, 3, shuffle=True, transforms=crops, num_workers=2, **json.loads(place))
seen = [[batch.label.tolist() for batch in loader] for _ in range(2)]
print(json.dumps([len(loader), *seen]))
dist.destroy_process_group()
"""


def test_two_processes_share_the_samples(scenes: Path, place: Place, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(scenes), str(tmp_path / "store")]
    # The environment says otherwise, and must not be asked.
    environ = os.environ | {"RANK": "0", "WORLD_SIZE": "1"}
    ranks = [
        subprocess.Popen(
            [*command, str(rank), json.dumps(place)],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = [rank.communicate(timeout=120) for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], said
    found = [json.loads(out) for out, _ in said]
    epochs = []
    for epoch in (1, 2):
        assert {len(batches[epoch]) for batches in found} == {batches[0] for batches in found}
        seen = [label for batches in found for batch in batches[epoch] for label in batch]
        assert sorted(seen) == list(range(COUNT))
        epochs.append(seen)
    assert epochs[0] != epochs[1]
