"""A checkpoint is saved whole or not at all, whatever ends the run or fills the disk."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import NotedLoss, batches, fit, network, steps_that_load, trainer
from syscalls import in_child

from fastdata.errors import StorageError
from fastdata.training.checkpoint import load, save

KILLED = """
import sys, torch
sys.path.insert(0, {tests!r})
from pathlib import Path
from small_runs import NotedLoss, batches, network, trainer
own = trainer(network(), NotedLoss(), folder=Path({folder!r}), epochs=100000,
              checkpoint_interval=1, keep_last=2, log_interval=1000)
own.fit(batches(4))
"""


def test_a_run_killed_at_any_moment_leaves_a_checkpoint_that_loads(tmp_path: Path) -> None:
    code = KILLED.format(tests=str(Path(__file__).parents[1]), folder=str(tmp_path))
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    folder = tmp_path / "checkpoints"
    # Saves follow each other without a pause, so wherever the kill falls, it falls into one.
    while not list(folder.glob("step-000000[1-9]?")) and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    whole = [path for path in folder.iterdir() if not path.name.startswith(".")]
    assert whole
    for path in whole:
        load(path)
    own = trainer(network(), loss := NotedLoss(), folder=tmp_path, epochs=1)
    own.fit(batches(4), resume=True)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    assert loss.seen == []


@pytest.mark.parametrize("name", ["fsync", "rename"])
def test_an_error_of_the_disk_is_one_line_and_keeps_what_was_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(tmp_path, epochs=1)

    def refuse(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, name, refuse)
    with pytest.raises(StorageError, match=r"cannot save the checkpoint .* free") as told:
        fit(tmp_path, resume=True)
    assert told.value.errno == 28
    monkeypatch.undo()
    assert steps_that_load(tmp_path) == [3]


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    """torch's own writer meets the limit, as it would a full disk."""
    state = {"x": torch.zeros(10**6)}

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        with pytest.raises(StorageError, match=r"^cannot save the checkpoint.*$"):
            save(tmp_path / "step-1", state, step=1, number=1, monitor="loss", value=None)

    assert in_child(limited) == 0
    assert not list(tmp_path.iterdir())


def test_everything_is_synced_before_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def noting(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def noted(target: Any, *rest: Any) -> Any:
            path = os.readlink(f"/proc/self/fd/{target}") if name == "fsync" else str(target)
            calls.append(f"{name} {Path(path).name}")
            return original(target, *rest)

        return noted

    for name in ("fsync", "rename"):
        monkeypatch.setattr(os, name, noting(name, getattr(os, name)))
    save(tmp_path / "step-1", {"x": 1}, step=1, number=1, monitor="loss", value=None)
    partial = f".step-1.partial-{os.getpid()}"
    synced = {f"fsync {name}" for name in ("state.pt", "checkpoint.json", partial)}
    rename = calls.index(f"rename {partial}")
    assert synced <= set(calls[:rename])
    assert f"fsync {tmp_path.name}" in calls[rename:]
