"""Who may run beside whom."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import turns


@pytest.fixture(autouse=True)
def own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Locks of this test, whose own turn holds the real ones."""
    for name in ("door", *turns._ROOMS):
        (tmp_path / name).touch()
    monkeypatch.setattr(turns, "_DOOR", tmp_path / "door")
    monkeypatch.setattr(turns, "_ROOMS", {name: tmp_path / name for name in turns._ROOMS})
    yield


@pytest.mark.parametrize("second", turns.KINDS)
@pytest.mark.parametrize("first", turns.KINDS)
def test_like_runs_beside_like_unless_it_must_be_alone(first: str, second: str) -> None:
    is_in = threading.Event()

    def enter() -> None:
        with turns.turn(second):
            is_in.set()

    thread = threading.Thread(target=enter)
    with turns.turn(first):
        thread.start()
        is_beside = first == second != "alone"
        assert is_in.wait(5 if is_beside else 0.1) == is_beside
    thread.join(5)
    assert is_in.is_set()
