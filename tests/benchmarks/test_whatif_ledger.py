"""The ledger of what-ifs: its arithmetic, table and order, and its trainings at a tiny size."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import profiles
import pytest
import whatif_ledger
import whatif_trained
from PIL import Image
from whatif_ledger import compare, table


def told(now: float, command: str | None = None, **more: float) -> dict[str, Any]:
    return {"verdict": "a verdict", "command": command, "now": now, "more_workers": more or None}


RUNS = {
    0: told(0.2, "num_workers: 0 -> 1", median=0.11, low=0.1, high=0.12),
    1: told(0.1, "num_workers: 1 -> 2", median=0.06, low=0.05, high=0.07),
    2: told(0.08),
}


def test_the_command_is_followed_and_the_error_is_signed() -> None:
    first, second = compare(RUNS)
    assert first["error"] == pytest.approx(110 - 100) and first["inside"] is True
    assert second["error"] == pytest.approx(60 - 80) and second["inside"] is False
    page = table({"case": "c", "place": "a machine"} | line for line in (first, second))
    assert (
        "| c | num_workers: 0 -> 1 | 200.0 ms | 110.0 ms (100.0 to 120.0) | 100.0 ms "
        "| +10.0 ms, +10.0% | yes |"
    ) in page
    assert "| 80.0 ms | -20.0 ms, -25.0% | **no** |" in page


@pytest.mark.parametrize("got", [0.1, 0.12])
def test_the_ends_of_an_interval_are_inside(got: float) -> None:
    assert next(compare({0: RUNS[0], 1: told(got)}))["inside"] is True


@pytest.mark.parametrize(
    "command", [None, "num_workers: 0 -> 3", "num_workers: 1 -> 2", "fastdata convert DATA p.lmdb"]
)
def test_another_verdict_is_no_prediction(command: str | None) -> None:
    (line,) = compare({0: told(0.2, command, median=0.1, low=0.1, high=0.1), 1: told(0.1)})
    assert line["failed"] == "the verdict is a verdict" and "predicted" not in line
    page = table([{"case": "c", "place": "p"} | line])
    assert f"| c | {command or 'none'} | 200.0 ms | the verdict is a verdict |  |  |  |" in page


def test_what_is_compared_is_what_the_profile_says() -> None:
    profile = profiles.data_bound()
    told = whatif_trained.told(profile)
    assert (told["verdict"], told["command"]) == ("data-bound", profile.verdict.next_command)
    more = profile.what_if[1]
    assert more.name == "with 4 workers instead of 2"
    assert told["more_workers"] == vars(more.step_seconds) and told["now"] == more.now_seconds
    assert whatif_trained.told(profiles.compute_bound())["more_workers"] is None


def test_rounds_go_forwards_and_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def run(kind: str, data: Path, *words: str) -> dict[str, Any]:
        done.append((kind, str(data), *words))
        return {} if kind == "make" else RUNS[int(words[-1])]

    monkeypatch.setattr(whatif_ledger, "run", run)
    options = argparse.Namespace(photos=Path("p"), samples=8, batch=4, steps=12, rounds=2)
    lines = list(whatif_ledger.measure(options, Path("d")))
    assert done[0] == ("make", "d", "8")
    assert [(kind, int(words[-1])) for kind, *words in done[1:]] == [
        *(("demo", workers) for workers in (0, 1, 2)),
        *(("photos", workers) for workers in (0, 1, 2)),
        *(("demo", workers) for workers in (2, 1, 0)),
        *(("photos", workers) for workers in (2, 1, 0)),
    ]
    assert {words[2:4] for words in done[1:]} == {("4", "12")}
    # Within each round, whichever run came first.
    assert [(line["round"], line["case"][:4], line["workers"]) for line in lines] == [
        (number, case, workers) for number in (0, 1) for case in ("demo", "plai")
        for workers in (0, 1)
    ]  # fmt: skip
    assert [line["got"] for line in lines] == [100.0, 80.0] * 4


@pytest.mark.parametrize("fails", [False, True])
def test_it_ends_with_1_where_nothing_was_predicted(
    fails: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = RUNS | ({1: told(0.1)} if fails else {})
    lines = [{"case": "c", "place": "p"} | line for line in compare(runs)]
    renewed: list[tuple[str, str]] = []
    monkeypatch.setattr(whatif_ledger, "measure", lambda options, folder: iter(lines))
    monkeypatch.setattr(whatif_ledger, "RESULTS", tmp_path / "lines.jsonl")
    monkeypatch.setattr(whatif_ledger, "renew", lambda *words: renewed.append(words))
    monkeypatch.setattr(sys, "argv", ["whatif_ledger.py", "--write"])
    with pytest.raises(SystemExit) as ended:
        whatif_ledger.main()
    assert bool(ended.value.code) is fails
    read: Callable[[str], list[Any]] = lambda text: list(map(json.loads, text.splitlines()))  # noqa: E731
    assert read(capsys.readouterr().out) == lines
    assert read((tmp_path / "lines.jsonl").read_text(encoding="utf-8")) == lines
    assert renewed == [("whatif-ledger", table(lines))]


def test_a_training_is_a_process_whose_threads_do_not_spin(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "trained.py"
    program.write_text(
        "import json, os, sys\n"
        "if sys.argv[1] == 'fails': sys.exit(3)\n"
        "print(json.dumps([os.environ['OMP_WAIT_POLICY'], *sys.argv[1:]]))\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(whatif_ledger, "TRAINED", program)
    said = whatif_ledger.run("demo", Path("dir"), "4", "12", "0")
    assert said == ["PASSIVE", "demo", "dir", "4", "12", "0"]
    with pytest.raises(subprocess.CalledProcessError):
        whatif_ledger.run("fails", Path("dir"))


@pytest.fixture
def trained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Does what the process of a training does, in this one."""

    def run(*words: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["whatif_trained.py", *words])
        whatif_trained.main()
        return json.loads(capsys.readouterr().out)

    return run


def test_a_loop_over_photos_gets_a_verdict_that_can_be_followed(
    trained: Callable[..., Any], tmp_path: Path
) -> None:
    """Without workers, since a thread that makes its batches itself surely waits for them."""
    pixels = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    for number in range(24):
        Image.fromarray(pixels).save(tmp_path / f"{number}.jpg")
    profiled = trained("photos", str(tmp_path), "1", "12", "0")
    assert profiled["verdict"] == "data-bound"
    (line,) = compare({0: profiled, 1: told(profiled["now"])})
    assert line["command"] == "num_workers: 0 -> 1"
    assert line["low"] <= line["predicted"] <= line["high"] and line["predicted"] < line["now"]


def test_the_demo_is_made_and_trained(
    trained: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So few steps get no verdict, but the same figures."""
    monkeypatch.setattr(whatif_trained, "WARMUP", 1)
    assert trained("make", str(tmp_path), "8") == {}
    profiled = trained("demo", str(tmp_path), "2", "2", "0")
    assert profiled["more_workers"]["median"] <= profiled["now"]
