"""Training from a YAML config, as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commands import (
    Ended,
    command_line,
    environment,
    one_after_another,
    run,
    run_on_terminal,
)

import fastdata
from fastdata.errors import StorageError, UsageError, WorkerError

NETS = """\
import time
from torch import nn

class Net(nn.Module):
    def __init__(self, classes=2, seconds=0.0):
        super().__init__()
        self.seconds = seconds
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, classes))

    def forward(self, image):
        time.sleep(self.seconds)
        return self.body(image)

def step(model, batch):
    return nn.functional.cross_entropy(model(batch.image), batch.label)

def greedy(model, batch):
    raise MemoryError

def wrong(*given):
    return list(given)

def step_of_another_pack(model, batch):
    return nn.functional.cross_entropy(model(batch.image), batch.land)
"""

CONFIG = """\
# the smallest that learns
model: {path: "nets:Net", args: {classes: 2}}
loss: torch.nn:CrossEntropyLoss
data:
  train: pictures.h5
  val_share: 0.25
  batch_size: 8
  fields: [image, label]
  transforms: [ToFloat]
metrics: {kind: classification, classes: 2}
optimizer: {lr: 0.03}
training: {epochs: 2, log_interval: 2, precision: fp32, device: cpu}
"""

# Of a run that does not ask for metrics: torchmetrics takes as long to import as torch.
UNMEASURED = ("--set", "metrics=null")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a module, a pack whose label is the brighter half, and a config."""
    home = tmp_path_factory.mktemp("träining")
    rng = np.random.default_rng(0)
    schema = fastdata.Schema(
        {
            "image": fastdata.Image(codec="raw", channels=1, shape=(8, 8)),
            "label": fastdata.Label(classes=("left", "right")),
            "name": fastdata.Text(),
        }
    )
    with fastdata.create_pack(home / "pictures.h5", schema) as writer:
        for index in range(64):
            image = rng.integers(0, 50, (8, 8, 1), dtype=np.uint8)
            image[:, 4 * (index % 2) :][:, :4] += np.uint8(150)
            writer.add(image=image, label=index % 2, name=str(index))
    (home / "nets.py").write_text(NETS, encoding="utf-8")
    (home / "train.yaml").write_text(CONFIG, encoding="utf-8")
    return home


def train(home: Path, *words: str | Path, **options: Any) -> Ended:
    return run("train", home / "train.yaml", *words, **options)


def records(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_a_run_leaves_its_folder_and_goes_on(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "läuft"
    done = train(home, "--out", out, "--json", env={"PYTHONIOENCODING": "ascii"})
    assert done.code == 0, done.err
    assert done.json["result"]["reason"] == "finished"
    assert done.json["result"]["step"] == 12
    assert done.json["result"]["metrics"]["accuracy"] == 1.0
    found = records(out)
    assert [found[0]["type"], found[-1]["type"]] == ["start", "result"]
    losses = [record["loss"] for record in found if record["type"] == "log"]
    assert losses[-1] < 0.5 * losses[0]
    shown = [line for line in done.lines if "samples/s" in line]
    assert len(shown) == len(losses) == 6
    assert all("loss" in line and "data" in line and "MiB" in line for line in shown)
    log = (out / "train.log").read_bytes().decode("utf-8")
    assert "läuft" in log and shown[0] in log
    resolved = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert resolved["config"]["training"]["ema_decay"] is None
    assert resolved["config"]["data"]["batch_size"] == 8

    with (out / "metrics.jsonl").open("a", encoding="utf-8") as cut_off:
        cut_off.write('{"type": "log", "ste')
    again = ("train", home / "train.yaml", "--out", out)
    longer = (*again, "--resume", "--set", "training.epochs=3", "--json")
    more = run(line=one_after_another(again, longer, codes=(2, 0)))
    assert more.code == 0, more.err
    assert "holds a run; go on with it by --resume" in more.lines[0]
    assert more.json["result"]["step"] == 18
    steps = [record["step"] for record in records(out) if record["type"] == "log"]
    assert steps == list(range(2, 19, 2))


def test_what_does_not_fit_is_one_line_each(home: Path, tmp_path: Path) -> None:
    broken, config = home / "broken.yaml", home / "train.yaml"
    broken.write_text(CONFIG.replace("batch_size", "batch_sise") + "los: 3\n", encoding="utf-8")
    out = ("--out", tmp_path / "run")
    line = one_after_another(
        ("train", broken),
        ("train", config, "--set", "model.path=nots:Net", *out),
        ("train", config, "--set", "data.fields=[picture, label]", *out),
        codes=(2, 2, 2),
    )
    done = run(line=line)
    assert (done.code, done.out) == (0, b""), done.err
    keys, module, fields = done.lines
    assert "broken.yaml:7: unknown key data.batch_sise; did you mean 'batch_size'?" in keys
    assert "broken.yaml:13: unknown key los; did you mean 'loss'?" in keys
    assert "model: cannot import 'nots'" in module
    assert "has the fields image, label, name; data.fields expects picture, label" in fields


@pytest.fixture
def in_process(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Trains in this process, as the command does, without its two seconds of importing torch."""
    from fastdata.cli.trainrun.running import Order, train

    monkeypatch.setattr(sys, "path", list(sys.path))

    def trained(*overrides: str) -> dict[str, Any]:
        order = Order(config=home / "train.yaml", overrides=overrides, out=tmp_path / "run")
        return train(order)

    with torch.random.fork_rng():
        yield trained
    sys.modules.pop("nets", None)


@pytest.mark.parametrize(
    ("override", "kind", "said"),
    [
        ("data.fields=null", UsageError, "image, label, name; loss takes batches of two"),
        ("data.train=missing.h5", StorageError, "no pack at .*missing.h5"),
        ("data.val_share=0.001", UsageError, "leaves nothing on one side"),
        ("model.path=nets:step", UsageError, "model: nets:step.* failed"),
        ("model.path=torch.nn:MSELoss", UsageError, "model: torch.nn:MSELoss.* failed"),
        ("model={path: 'nets:wrong'}", UsageError, "gave a list; expected a torch.nn.Module"),
        ("optimizer={path: 'nets:wrong'}", UsageError, "gave a list; expected a torch.optim"),
        ("model={path: 'nets:time.sleep'}", UsageError, "model: nets:time.sleep leads to time.sl"),
        ("loss=subprocess:run", UsageError, "loss: 'subprocess' is a module of Python itself"),
        ("run.tensorboard=true", UsageError, "TensorBoard is not installed"),
        ("training.device=tpu", UsageError, "device='tpu'"),
        ("model.args.classes=1", UsageError, "the model, loss or step function failed: "),
    ],
)
def test_what_else_does_not_fit_says_what_to_do(
    in_process: Any,
    monkeypatch: pytest.MonkeyPatch,
    override: str,
    kind: type[Exception],
    said: str,
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    with pytest.raises(kind, match=said) as caught:
        in_process(override)
    assert "\n" not in str(caught.value)


def test_tensorboard_shows_training_and_evaluation(in_process: Any, tmp_path: Path) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    ).EventAccumulator
    metrics = in_process()["result"].metrics
    board = accumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    losses = [(event.step, event.value) for event in board.Scalars("train/loss")]
    logged = [line for line in records(tmp_path / "run") if line["type"] == "log"]
    assert losses == [(line["step"], pytest.approx(line["loss"])) for line in logged]
    assert board.Scalars("val/accuracy")[-1].value == pytest.approx(metrics["accuracy"])


def test_a_step_function_takes_the_whole_batch(in_process: Any) -> None:
    words = ("loss=null", "metrics=null", "training.max_steps=2")
    with pytest.raises(UsageError, match=r"no attribute 'land' \(nets.py:24, in step_of_another"):
        in_process(*words, "step=nets:step_of_another_pack", "run.tensorboard=false")


def test_a_metric_is_imported_with_its_arguments(in_process: Any) -> None:
    imported = "{path: 'torchmetrics.classification:MulticlassAccuracy', args: {num_classes: 2}}"
    own = "{kind: classification, classes: 2}"
    found = in_process(f"metrics={{right: {imported}, own: {own}}}", "training.monitor=right")
    metrics = found["result"].metrics
    assert metrics["right"] == metrics["own/accuracy"] == found["result"].best == 1.0


def test_a_folder_of_a_run_that_failed_at_once_is_free(in_process: Any) -> None:
    with pytest.raises(UsageError, match="no transform"):
        in_process("data.transforms=[ToFlout]")
    with pytest.raises(UsageError, match="no attribute 'land'"):
        in_process("loss=null", "metrics=null", "step=nets:step_of_another_pack")
    assert in_process("training.max_steps=1")["result"].step == 1
    with pytest.raises(UsageError, match="holds a run"):
        in_process("training.max_steps=1")


def test_memory_that_runs_out_names_the_batch_and_a_way_on(in_process: Any) -> None:
    with pytest.raises(WorkerError, match=r"at a batch of 8; .*--auto-batch"):
        in_process("loss=null", "metrics=null", "step=nets:greedy")


def test_a_machine_is_suited_by_suggestions_and_by_a_batch_size_that_is_found(
    home: Path, tmp_path: Path
) -> None:
    naive, out = home / "naive.yaml", tmp_path / "run"
    naive.write_text(CONFIG.replace("  batch_size: 8\n", "  num_workers: 0\n"), encoding="utf-8")
    words = ("--auto-batch", "--keep-global-batch", "--preset", "memory", "--out", out, "--json")
    words += UNMEASURED
    line = one_after_another(
        ("train", naive, "--suggest"), ("train", home / "train.yaml", *words), codes=(0, 0)
    )
    done = run(line=line, env={"XDG_CACHE_HOME": str(tmp_path)})
    assert done.code == 0, done.err

    told, _, document = done.text.partition("{")
    assert "naive.suggested.yaml" in told
    assert "data.num_workers" in told
    written = (home / "naive.suggested.yaml").read_text(encoding="utf-8")
    assert "# the smallest that learns" in written
    assert "num_workers: auto" in written
    assert os.path.getsize(naive) < len(written.encode("utf-8"))

    found = json.loads("{" + document)
    assert "preset memory: small batches" in done.lines[0]
    assert any(line.startswith("  batch of     2: ") for line in done.lines)
    assert found["batch_size"] * found["accumulate"] == 8
    resolved = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert resolved["config"]["data"]["batch_size"] == found["batch_size"]
    assert resolved["config"]["training"]["keep_last"] == 1
    assert list((tmp_path / "fastdata" / "batch_sizes").iterdir())


def test_two_processes_are_one_run(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    words = ["fastdata", "train", str(home / "train.yaml"), *UNMEASURED]
    done = subprocess.run(
        [*torchrun, "-m", *words, "--out", str(out), "--json"],
        env=environment({"OMP_NUM_THREADS": "1"}),
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["result"]["step"] == 6
    assert records(out)[0]["world"] == 2
    assert done.stderr.count(b"epoch 1 done") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_run_that_is_asked_to_stop_saves_what_it_did(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    # Each step takes longer than the grace that other commands get.
    settings = ("training.log_interval=1", "model.args.seconds=5")
    words = ("train", home / "train.yaml", "--out", out, *UNMEASURED)
    slow = (*words, *(word for setting in settings for word in ("--set", setting)))
    with subprocess.Popen(
        command_line(slow), env=environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if " step 1 " in line:
                break
        time.sleep(0.5)  # into the second step
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
    assert process.returncode == 143
    assert "--resume" in rest
    (saved,) = (out / "checkpoints").iterdir()
    assert saved.name in ("step-00000001", "step-00000002")


def test_a_terminal_shows_one_line_that_is_renewed(home: Path, tmp_path: Path) -> None:
    words = ("train", home / "train.yaml", "--out", tmp_path / "run", *UNMEASURED)
    done = run_on_terminal(*words)
    assert done.code == 0, done.text
    assert "samples/s" in done.text
    # The line is wiped before the next is drawn.
    assert "\x1b[2K" in done.text
    assert "finished after step 12" in done.text
