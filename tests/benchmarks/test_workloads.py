"""The workloads at a tiny size: both cases, and what `fastdata train` does with the config."""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from workloads.command import line
from workloads.run import NAMES

from fastdata.cli.trainrun.running import Order, train

# Windows need some hours on each side; pictures are slow to make.
SAMPLES = {"pm25_windows": 400}


@pytest.fixture(scope="module", params=NAMES)
def workload(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A workload's modules, and a job whose files and packs are made."""
    modules = {
        name: importlib.import_module(f"workloads.{request.param}.{name}")
        for name in ("data", "before", "after")
    }
    work = tmp_path_factory.mktemp(request.param)
    job = dataclasses.replace(
        modules["data"].JOB, samples=SAMPLES.get(request.param, 48), epochs=1, work=work
    )
    modules["data"].make_files(job)
    modules["after"].pack(job)
    return modules, job


def test_both_cases_train_on_the_same_and_tell_it(workload: Any) -> None:
    modules, job = workload
    before, after = (modules[case].train(job) for case in ("before", "after"))
    assert before.samples == after.samples > 0
    assert before.batch_size < after.batch_size
    assert before.metric == after.metric
    assert before.trivial == pytest.approx(after.trivial, rel=1e-4)
    for outcome in (before, after):
        assert outcome.epochs == 1
        assert outcome.steps == math.ceil(outcome.samples / outcome.batch_size)
        assert outcome.seconds > outcome.first_batch_seconds > 0
        assert math.isfinite(outcome.loss_last) and math.isfinite(outcome.value)
        assert json.loads(json.dumps(line(outcome)))["samples"] == outcome.samples


def test_the_config_is_trained(
    workload: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules, job = workload
    # Each names a model.py beside it.
    monkeypatch.setattr(sys, "path", list(sys.path))
    sys.modules.pop("model", None)
    settings = {
        "data.train": job.work / "train.lmdb",
        "data.val": job.work / "val.lmdb",
        "data.batch_size": 8,
        "training.max_steps": 3,
    }
    overrides = tuple(f"{key}={value}" for key, value in settings.items())
    config = Path(modules["data"].__file__).with_name("config.yaml")
    with torch.random.fork_rng():
        found = train(Order(config=config, overrides=overrides, out=tmp_path / "run"))["result"]
    assert found.step == 3
    assert math.isfinite(found.metrics["loss"])
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files >= {"config.json", "train.log", "metrics.jsonl", "checkpoints"}
