"""Checkpoints are whole or not there, and nothing that was changed is ever trusted."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_runs import NotedLoss, batches, fit, network, steps_that_load, trainer

from fastdata.errors import CheckpointError, UsageError
from fastdata.training import MetricConfig
from fastdata.training.checkpoint import load, read_facts, save


def steps(folder: Path) -> list[int]:
    return sorted(read_facts(path).step for path in (folder / "checkpoints").iterdir())


def checkpoint_of(folder: Path, step: int) -> Path:
    return folder / "checkpoints" / f"step-{step:08d}"


def test_the_state_is_a_plain_file_that_torch_reads(tmp_path: Path) -> None:
    own, _ = fit(tmp_path)
    state = torch.load(checkpoint_of(tmp_path, 9) / "state.pt", weights_only=True)
    fresh = network(seed=5)
    fresh.load_state_dict(state["model"])
    for one, other in zip(fresh.parameters(), own.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_last_ones_and_the_best_are_kept(tmp_path: Path) -> None:
    """An accuracy that is best in the middle: the weights are made worse from there."""

    def worse(record: Any) -> None:
        if type(record).__name__ == "EvalRecord" and record.step == 6:
            with torch.no_grad():
                own.model[-1].weight.neg_()

    own = trainer(
        network(),
        NotedLoss(),
        folder=tmp_path,
        report=worse,
        epochs=8,
        keep_last=2,
        metrics=MetricConfig(kind="classification", classes=2),
        monitor="accuracy",
        optimizer={"lr": 1e-5},
    )
    x, _ = batches(40)[0]
    # The labels that the untouched network gives: all right, then all wrong.
    result = own.fit(batches(4, 4, 3), [(x, own.model(x).argmax(dim=1))])
    assert result.best_checkpoint == checkpoint_of(tmp_path, 3)
    assert steps(tmp_path) == [3, 21, 24]


class Unsized(list[Any]):
    """Batches that nobody can count before they have come."""

    def __len__(self) -> int:
        raise TypeError


@pytest.mark.parametrize(
    ("interval", "expected"),
    [(1, [1, 2, 3, 4, 5, 6]), (3, [3, 6]), (2, [2, 4, 6]), ("1 epoch", [3, 6])],
)
@pytest.mark.parametrize(
    ("kind", "eval_interval", "best"),
    [(list, None, []), (list, "1 epoch", [3]), (Unsized, None, [])],
)
def test_each_step_is_saved_once(
    kind: Any,
    eval_interval: Any,
    best: list[int],
    interval: Any,
    expected: list[int],
    tmp_path: Path,
) -> None:
    """Also the last one of an epoch, and of the run."""
    records: list[Any] = []
    own = trainer(
        network(),
        NotedLoss(),
        folder=tmp_path,
        report=records.append,
        epochs=2,
        optimizer={"lr": 10.0},  # so that only the first evaluation is the best so far
        checkpoint_interval=interval,
        eval_interval=eval_interval,
    )
    own.fit(kind(batches(4, 4, 3)), batches(5, seed=9))
    saved = [record.step for record in records if type(record).__name__ == "CheckpointRecord"]
    assert saved == sorted({*expected, *best})


@pytest.mark.parametrize("kind", ["truncated", "flipped", "no facts", "facts cut", "no state"])
def test_a_damaged_checkpoint_is_left_out_and_named(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fit(tmp_path)
    newest = checkpoint_of(tmp_path, 9)
    damage(newest, kind)
    with pytest.raises(CheckpointError, match=r"step-00000009.* use an older checkpoint"):
        load(newest)
    with caplog.at_level(logging.WARNING):
        own = trainer(network(), loss := NotedLoss(), folder=tmp_path, epochs=3)
        own.fit(batches(4, 4, 3), batches(5, seed=9), resume=True)
    assert "left out a checkpoint" in caplog.text
    assert len(loss.seen) == 3  # from the end of the second epoch on
    assert steps_that_load(tmp_path) == [3, 6, 9]


def test_one_that_is_being_replaced_is_there_when_the_process_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(tmp_path, epochs=1, keep_last=1)
    rename = os.rename

    def die_before_the_new_one(source: Any, target: Any) -> None:
        if ".partial-" in str(source):
            raise KeyboardInterrupt
        rename(source, target)

    state = load(checkpoint_of(tmp_path, 3))
    facts = {"step": 3, "number": 2, "monitor": "loss", "value": None}
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(os, "rename", die_before_the_new_one)
        save(checkpoint_of(tmp_path, 3), state, **facts)
    own = trainer(network(), loss := NotedLoss(), folder=tmp_path, epochs=2, keep_last=1)
    own.fit(batches(4, 4, 3), batches(5, seed=9), resume=True)
    assert len(loss.seen) == 3  # the second epoch only
    assert steps(tmp_path) == [6]


def damage(folder: Path, kind: str) -> None:
    state, facts = folder / "state.pt", folder / "checkpoint.json"
    data = bytearray(state.read_bytes())
    if kind == "truncated":
        state.write_bytes(data[: len(data) // 2])
    elif kind == "flipped":
        data[len(data) // 2] ^= 1
        state.write_bytes(data)
    elif kind == "no facts":
        facts.unlink()
    elif kind == "facts cut":
        facts.write_text(facts.read_text(encoding="utf-8")[:40], encoding="utf-8")
    else:
        state.unlink()


def test_when_all_are_damaged_nothing_is_trained(tmp_path: Path) -> None:
    fit(tmp_path)
    for step in (3, 6, 9):
        damage(checkpoint_of(tmp_path, step), "flipped")
    with pytest.raises(CheckpointError, match=r"none of the 3 checkpoints .* \(SHA-256\)"):
        fit(tmp_path, resume=True)


def test_a_checkpoint_that_would_run_code_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    """Its hash fits, as that of an attacker's would."""
    fit(tmp_path)
    newest, canary = checkpoint_of(tmp_path, 9), tmp_path / "canary"
    torch.save({"model": Bomb(canary)}, newest / "state.pt")
    facts = json.loads((newest / "checkpoint.json").read_text(encoding="utf-8"))
    data = (newest / "state.pt").read_bytes()
    facts |= {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (newest / "checkpoint.json").write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(CheckpointError, match="more than plain data"):
        load(newest)
    assert not canary.exists()
    # The canary does sing where it is let.
    torch.load(newest / "state.pt", weights_only=False)
    assert canary.exists()


class Bomb:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self._path,)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ({"x": [1, np.float64(2)]}, r"state\['x'\]\[1\] is a float64"),
        ({"loader": {"sampler": object()}}, r"state\['loader'\]\['sampler'\] is a object"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(part: Any, name: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=name):
        save(tmp_path / "step-1", part, step=1, number=1, monitor="loss", value=None)
    assert not list(tmp_path.iterdir())


def test_another_format_says_so(tmp_path: Path) -> None:
    fit(tmp_path)
    path = checkpoint_of(tmp_path, 9) / "checkpoint.json"
    facts = json.loads(path.read_text(encoding="utf-8")) | {"format": 7}
    path.write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(CheckpointError, match="format 7; this fastdata reads 1"):
        load(path.parent)


def test_a_checkpoint_of_another_model_says_so(tmp_path: Path) -> None:
    fit(tmp_path)
    other = trainer(torch.nn.Linear(6, 2), NotedLoss(), folder=tmp_path)
    with pytest.raises(CheckpointError, match=r"of another run: .*Missing key"):
        other.fit(batches(4), resume=True)


def test_a_folder_with_another_run_is_not_trained_into(tmp_path: Path) -> None:
    fit(tmp_path)
    with pytest.raises(UsageError, match="holds the checkpoints of another run; go on"):
        fit(tmp_path)


def test_resume_from_a_folder_that_is_empty_begins(tmp_path: Path) -> None:
    _, result = fit(tmp_path, resume=True)
    assert result.step == 9


def test_resume_goes_on_from_the_checkpoint_that_is_named(tmp_path: Path) -> None:
    fit(tmp_path)
    own = trainer(network(), loss := NotedLoss(), folder=tmp_path, epochs=3)
    own.fit(batches(4, 4, 3), resume=checkpoint_of(tmp_path, 3))
    assert len(loss.seen) == 6


def test_a_run_that_goes_on_from_another_folder_s_checkpoint_saves_its_end(tmp_path: Path) -> None:
    fit(tmp_path / "one", epochs=1)
    fit(tmp_path / "two", epochs=1, resume=checkpoint_of(tmp_path / "one", 3))
    assert steps(tmp_path / "two") == [3]


def test_a_run_that_was_finished_does_nothing_more(tmp_path: Path) -> None:
    _, first = fit(tmp_path)
    _, again = fit(tmp_path, resume=True)
    assert again.step == 9 and again.metrics == first.metrics and again.best == first.best


def test_resuming_a_finished_run_removes_what_a_broken_off_save_left(tmp_path: Path) -> None:
    fit(tmp_path)
    left = tmp_path / "checkpoints" / ".step-00000009.partial-1"
    left.mkdir()
    (left / "state.pt").write_bytes(b"half")
    fit(tmp_path, resume=True)
    assert not left.exists()


def test_resume_needs_a_folder() -> None:
    with pytest.raises(UsageError, match="folder="):
        trainer(network(), NotedLoss()).fit(batches(4), resume=True)
