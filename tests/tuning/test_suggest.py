"""What machines suggest for a config, and that the rest of the file stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import fastdata
from fastdata.errors import UsageError
from fastdata.hardware import Machine
from fastdata.tuning import Suggestion, suggest_config

MACHINE = Machine(cores=8)

NAIVE = """\
# our first try
model: nets:Net      # ours
loss: torch.nn:CrossEntropyLoss
data:
  train: small.h5
  num_workers: 0     # simple
  batch_size: 10
training:

  # as in the paper
  precision: fp32
  epochs: 40
  tf32: false
  log_interval: 1
"""

FLOW = """\
{model: "nets:Net", loss: "torch.nn:MSELoss",
 data: {train: small.h5, num_workers: 0}, training: {}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    schema = fastdata.Schema({"x": fastdata.Array(shape=(2,)), "y": fastdata.Scalar()})
    with fastdata.create_pack(tmp_path / "small.h5", schema) as writer:
        for index in range(600):
            writer.add(x=np.zeros(2, np.float32), y=index)
    path = tmp_path / "train.yaml"
    path.write_text(NAIVE, encoding="utf-8")
    return path


def suggested(path: Path, **options: Any) -> tuple[Suggestion, str]:
    found = suggest_config(path, **{"machine": MACHINE} | options)
    return found, found.path.read_bytes().decode("utf-8")


def as_set(found: Suggestion) -> dict[str, Any]:
    return {change.key: change.new for change in found.changes}


def test_a_modern_gpu(config: Path) -> None:
    found, _ = suggested(config, gpu="A100")
    assert found.path == config.with_name("train.suggested.yaml")
    assert as_set(found) == {
        "data.num_workers": "auto",
        "data.batch_size": 72,
        "training.precision": "bf16",
        "training.tf32": True,
        "training.log_interval": 50,
        "training.eval_interval": "12 epochs",
        "training.checkpoint_interval": "12 epochs",
    }
    assert all(change.reason for change in found.changes)
    assert config.read_text(encoding="utf-8") == NAIVE


@pytest.mark.parametrize(
    ("gpu", "precision", "tf32"),
    [("V100", "fp16", None), ("T4", "fp16", None), ("H100", "bf16", True), ("P100", None, None)],
)
def test_arithmetic_follows_the_capability(
    config: Path, gpu: str, precision: str | None, tf32: bool | None
) -> None:
    found, _ = suggested(config, gpu=gpu)
    assert as_set(found).get("training.precision") == precision
    assert as_set(found).get("training.tf32") == tf32


def test_a_gpu_with_little_memory_gets_a_smaller_batch(config: Path) -> None:
    text = NAIVE.replace("small.h5", "not_there_yet.h5")
    config.write_text(text, encoding="utf-8")
    sizes = [as_set(suggested(config, gpu=gpu)[0])["data.batch_size"] for gpu in ("T4", "H100")]
    assert sizes == [64, 256]
    config.write_text(
        text.replace("batch_size: 10", "batch_size: 10\n  transforms: [{RandomCrop: 448}]"),
        encoding="utf-8",
    )
    assert as_set(suggested(config, gpu="H100")[0])["data.batch_size"] == 64


def test_without_a_gpu_only_what_helps_a_cpu_changes(config: Path) -> None:
    found, _ = suggested(config, gpu=None)
    assert as_set(found) == {
        "data.num_workers": "auto",
        "training.eval_interval": "2 epochs",
        "training.checkpoint_interval": "2 epochs",
    }


def test_long_runs_are_compiled(config: Path) -> None:
    assert "training.compile" not in as_set(suggested(config, gpu="A100")[0])
    config.write_text(NAIVE.replace("epochs: 40", "epochs: 400"), encoding="utf-8")
    assert as_set(suggested(config, gpu="A100")[0])["training.compile"] is True


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("gpu", ["A100", "T4", None])
@pytest.mark.parametrize(
    "text",
    [
        NAIVE,
        NAIVE + "metrics:\n  kind: regression",
        NAIVE.replace("  tf32: false\n", "  tf32:   \n").replace("tf32:   ", "tf32: false"),
        FLOW,
        FLOW.replace(", training: {}", ""),
        NAIVE[: NAIVE.index("training:")],
        NAIVE[: NAIVE.index("training:")] + "training:\n",
        NAIVE[: NAIVE.index("training:")] + "training: {epochs: 40, precision: 'fp32'}  # all",
    ],
)
def test_only_what_is_told_differs_and_a_second_time_nothing(
    config: Path, text: str, gpu: str | None, newline: str
) -> None:
    text = text.replace("\n", newline)
    config.write_bytes(text.encode("utf-8"))
    found, written = suggested(config, gpu=gpu)
    values = yaml.safe_load(text)
    for change in found.changes:
        section, key = change.key.split(".")
        values[section] = {**(values.get(section) or {}), key: change.new}
    assert yaml.safe_load(written) == values
    for line in text.split(newline):
        if "#" in line and "precision" not in line:
            assert line[line.index("#") :] in written
    reasons = [line for line in written.split(newline) if " instead of " in line]
    assert len(reasons) == len(found.changes)
    assert ("\r\n" in written) == (newline == "\r\n")

    config.write_bytes(written.encode("utf-8"))
    again, same = suggested(config, gpu=gpu)
    assert again.changes == ()
    assert same == written


def test_lines_that_do_not_change_stay_in_their_order(config: Path) -> None:
    _, written = suggested(config, gpu="A100")
    left = [line for line in written.splitlines() if line in NAIVE.splitlines()]
    changed = ("num_workers", "batch_size", "precision", "tf32", "log_interval")
    assert left == [line for line in NAIVE.splitlines() if not line.strip().startswith(changed)]
    assert "  num_workers: auto     # simple" in written.splitlines()


def test_a_gpu_that_nobody_knows(config: Path) -> None:
    with pytest.raises(UsageError, match="gpu='Voodoo' is not known; known are P100"):
        suggest_config(config, gpu="Voodoo")


def test_a_wrong_config_is_told_before_anything_is_written(config: Path) -> None:
    config.write_text(NAIVE + "  epoch: 3\n", encoding="utf-8")
    with pytest.raises(UsageError, match="did you mean 'epochs'"):
        suggest_config(config)
    assert not config.with_name("train.suggested.yaml").exists()
