"""How the workloads are measured: waits, losses, the held-out split, the table and its faults."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import batches, network
from torch import nn
from workloads import run
from workloads.job import Job, Judged, Outcome
from workloads.measuring import Journal, Stopwatch
from workloads.pm25_windows.data import make_files
from workloads.splitting import is_held_out
from workloads.table import faults, report

from fastdata import Trainer

LEARNED = {"metric": "accuracy", "value": 0.9, "trivial": 0.5}


class SlowBatches:
    """Batches that take their time, the first of an epoch more; it notes how long they took."""

    def __init__(self) -> None:
        self.first = self.others = 0.0

    def __len__(self) -> int:
        return 4

    def __iter__(self) -> Iterator[Any]:
        for at, batch in enumerate(batches(4, 4, 4, 2)):
            start = time.perf_counter()
            time.sleep(0.03 if at else 0.08)
            seconds = time.perf_counter() - start
            if at:
                self.others += seconds
            else:
                self.first += seconds
            yield batch


def by_hand(loader: SlowBatches, epochs: int) -> Outcome:
    model, watch = network(), Stopwatch()
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(epochs):
        for points, labels in watch.epoch(loader):
            loss = nn.functional.cross_entropy(model(points), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watch.step(loss.item(), samples=len(points))
    return watch.outcome(batch_size=4, **LEARNED)


def by_trainer(loader: SlowBatches, epochs: int) -> Outcome:
    journal = Journal()
    config = {"epochs": epochs, "log_interval": 3}
    Trainer(network(), nn.CrossEntropyLoss(), config=config, report=journal.record).fit(loader)
    return journal.outcome(batch_size=4, **LEARNED)


@pytest.mark.parametrize("train", [by_hand, by_trainer])
def test_both_ways_of_measuring_agree_with_a_clock_in_the_loader(train: Any) -> None:
    loader = SlowBatches()
    start = time.perf_counter()
    outcome = train(loader, 2)
    everything = time.perf_counter() - start
    assert (outcome.epochs, outcome.steps, outcome.samples) == (2, 8, 28)
    # A wait has the loader's own in it, and little else.
    assert outcome.first_batch_seconds == pytest.approx(loader.first, rel=0.3)
    assert outcome.data_seconds == pytest.approx(loader.others, rel=0.3)
    assert loader.first + loader.others < outcome.seconds < everything
    assert outcome.wait_seconds == pytest.approx(outcome.data_seconds / 6)
    assert outcome.wait_seconds_with_first > outcome.wait_seconds


def test_a_run_must_learn_something_that_a_guess_does_not_know() -> None:
    outcome = Outcome(
        batch_size=4, epochs=1, steps=9, samples=36, seconds=1.0, data_seconds=0.1,
        first_batch_seconds=0.1, loss_first=2.0, loss_last=1.0, **LEARNED
    )  # fmt: skip
    change = {"loss_last": 2.5, "is_lower_better": True}
    assert outcome.faults() == []
    assert Outcome(**vars(outcome) | change).faults() == [
        "its loss went from 2 to 2.5",
        "its accuracy on held-out samples is 0.9, and 0.5 without learning",
    ]


def test_each_task_of_a_network_must_be_learned() -> None:
    error = Judged(metric="mae", value=0.3, trivial=0.2, is_lower_better=True)
    outcome = Outcome(
        batch_size=4, epochs=1, steps=9, samples=36, seconds=1.0, data_seconds=0.1,
        first_batch_seconds=0.1, loss_first=2.0, loss_last=1.0, others=(error,), **LEARNED
    )  # fmt: skip
    assert outcome.faults() == ["its mae on held-out samples is 0.3, and 0.2 without learning"]


def test_the_split_follows_from_the_name_and_has_the_share_asked_for() -> None:
    names = [f"a/{number:05}.png" for number in range(5_000)]
    held_out = {name for name in names if is_held_out(name, share=0.3)}
    assert 0.28 < len(held_out) / len(names) < 0.32
    assert {name for name in reversed(names) if is_held_out(name, share=0.3)} == held_out


def test_hours_for_evaluation_come_after_those_for_training(tmp_path: Path) -> None:
    make_files(Job(samples=500, epochs=1, work=tmp_path))
    hours = {}
    for split in ("train", "val"):
        with (tmp_path / "files" / f"{split}.csv").open(encoding="utf-8", newline="") as file:
            hours[split] = [int(row["No"]) for row in csv.DictReader(file)]
    assert hours["train"] + hours["val"] == list(range(1, 501))
    assert len(hours["val"]) == 100


def measured(case: str, number: int, **other: Any) -> dict[str, Any]:
    record = {
        "workload": "lodging", "case": case, "round": number, "date": "2026-01-31",
        "machine": "Linux", "cores": 2, "batch_size": 8, "samples": 80, "samples_per_second": 100.0,
        "wait_ms": 10.0, "wait_ms_with_first": 12.0, "wait_share": 0.5, "gpu": None,
        "loss_first": 2.0, "loss_last": 1.0, "metric": "accuracy", "value": 0.75, "trivial": 0.25,
        "others": [], "faults": [], "cpu_seconds": 4.0, "cpu_seconds_of_others": 1.0,
    }  # fmt: skip
    return record | other


def rounds(**after: Any) -> list[dict[str, Any]]:
    # The machine is twice as quick in round 1.
    return [
        measured("before", 0),
        measured("after", 0, samples_per_second=300.0, wait_ms=1.0, **after),
        measured("before", 1, samples_per_second=200.0, wait_ms=5.0),
        measured("after", 1, samples_per_second=600.0, wait_ms=0.5, **after),
    ]


def test_the_table_takes_ratios_within_rounds() -> None:
    page = report(rounds())
    (row,) = (line for line in page.splitlines() if line.startswith("| lodging, after |"))
    assert "| 450 ± 33%, **3.00x** | 0.75 ms, **-90.0%** |" in row
    assert "no GPU at hand" in row and "accuracy 0.75 | 0.25" in row
    assert "2026-01-31, in 2 rounds" in page
    busy = report(rounds(gpu={"mean": 0.8, "deviation": 0.1}))
    assert "| 80% ± 10% |" in busy
    several = report(rounds(others=[{"metric": "mae", "value": 0.125, "trivial": 0.5}]))
    assert "| accuracy 0.75; mae 0.125 | 0.25; 0.5 |" in several


def test_faults_are_told_in_one_line_each() -> None:
    assert faults(rounds()) == []
    wrong = rounds(samples=70, faults=["its loss went from 1 to 2"])
    wrong[1]["wait_ms"] = wrong[3]["wait_ms"] = 9.0
    not_learned, *_, counts, cut = faults(wrong)
    assert not_learned == "lodging, after, round 0: has not learned: its loss went from 1 to 2"
    assert "different numbers of samples" in counts
    assert cut.startswith("lodging: waits only") and "expected 79%" in cut


def test_lines_of_a_workload_replace_its_earlier_ones_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, pages = tmp_path / "workloads.jsonl", {}
    monkeypatch.setattr(run, "RESULTS", results)
    monkeypatch.setattr(run, "renew", pages.__setitem__)
    other = [line | {"workload": "patches"} for line in rounds()]
    run.keep(rounds() + other)
    run.keep(rounds(value=0.99)[:2])
    kept = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    found = [(line["workload"], line["case"], line["value"]) for line in kept]
    patches = [("patches", case, 0.75) for case in ("before", "after")]
    assert found == [("lodging", "before", 0.75), ("lodging", "after", 0.99), *patches, *patches]
    assert "| patches, after |" in pages["workloads"]
