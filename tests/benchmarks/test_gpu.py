"""The benchmark of loaders onto a GPU: its cases on the CPU at a tiny size, and without a GPU."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from gpurows.cases import CASES, OURS
from PIL import Image
from resnet50 import ResNet50

GPU = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu.py"
TINY = ("--device", "cpu", "--images", "4", "--batch", "2", "--batches", "1", "--warm-up", "1")
HAS_DALI = importlib.util.find_spec("nvidia") is not None and bool(
    importlib.util.find_spec("nvidia.dali")
)


def run(*words: Any, code: int | None = 0, **environ: str) -> tuple[list[dict[str, Any]], str]:
    """The JSON lines, and what else it says."""
    command = [sys.executable, str(GPU), *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=os.environ | environ
    )
    assert code is None or done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def row(page: str, label: str) -> list[str]:
    (line,) = (line for line in page.splitlines() if line.startswith(f"| {label} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    """Where photos are and where packs go, as words of the command."""
    photos = tmp_path_factory.mktemp("photos")
    for at in range(3):
        picture = Image.effect_noise((320, 240 + at), 60).convert("RGB")
        picture.save(photos / f"{at}.jpg")
    return "--photos", photos, "--data", tmp_path_factory.mktemp("made")


def test_resnet50_has_the_usual_size_and_output() -> None:
    model = ResNet50().eval()
    assert sum(parameter.numel() for parameter in model.parameters()) == 25_557_032
    with torch.no_grad():
        assert model(torch.zeros(2, 3, 224, 224)).shape == (2, 1000)


def test_without_a_gpu_every_row_says_so() -> None:
    lines, page = run("--photos", "nowhere", CUDA_VISIBLE_DEVICES="")
    assert [line["case"] for line in lines] == [case.name for case in CASES]
    assert {line["failed"] for line in lines} == {"no GPU at hand"}
    for case in CASES:
        cells = row(page, case.label)
        assert cells[6] == "no GPU at hand"
        assert cells[1] == ("no GPU at hand" if case.loads else "")
    again, said = run("--only", OURS, "--json", CUDA_VISIBLE_DEVICES="")
    assert len(again) == 1 and said == ""
    (line,), page = run("--epoch-starts", "9", CUDA_VISIBLE_DEVICES="")
    assert line["failed"] == "no GPU at hand"
    assert page.strip() == "Epoch starts of FastLoader `dali`: no GPU at hand."


def test_loaders_are_measured_alone_and_in_training(data: tuple[Any, ...]) -> None:
    chosen = ("fast-cpu", "synthetic")
    lines, page = run(*data, *TINY, "--only", *chosen)
    measured = [(line["case"], line["measure"]) for line in lines]
    assert sorted(measured) == [
        ("fast-cpu", "load"),
        ("fast-cpu", "train"),
        ("synthetic", "train"),
    ]
    for line in lines:
        assert line["batches"] == 1
        assert line["images_per_second"] > 0 and line["cores_busy"] >= 0
        assert line["gpu_busy"] is None
    cells = row(page, "FastLoader, `cpu` with device prefetch")
    assert float(cells[7].strip("*%")) > 0 and cells[4] == "no GPU at hand"


def test_dali_on_the_cpu_or_what_installs_it(data: tuple[Any, ...]) -> None:
    lines, _ = run(*data, *TINY, "--only", OURS, "dali-files", code=None)
    if HAS_DALI:
        assert [line["measure"] for line in lines] == ["load", "train"] * 2
        assert lines[2]["settings"].startswith("num_threads=")
        return
    ours, by_hand = (line["failed"] for line in lines)
    assert "DALI is not installed; pip install 'fastdata[dali]'" in ours
    assert "is not installed; pip install nvidia-dali-cuda130" in by_hand


@pytest.mark.needs_gpu
def test_on_a_gpu_each_case_is_measured_or_says_what_it_lacks(data: tuple[Any, ...]) -> None:
    tiny = ("--images", "32", "--batch", "16", "--batches", "4", "--warm-up", "2")
    lines, _ = run(*data, *tiny, code=None)
    lacking = {line["case"]: line["failed"] for line in lines if "failed" in line}
    assert all("is not installed; pip install" in reason for reason in lacking.values()), lacking
    wanted = {(case.name, "train") for case in CASES}
    wanted |= {(case.name, "load") for case in CASES if case.loads}
    wanted = {(name, measure) for name, measure in wanted if name not in lacking}
    assert {(line["case"], line["measure"]) for line in lines if "failed" not in line} == wanted


def test_epoch_starts_are_judged(data: tuple[Any, ...]) -> None:
    lines, page = run(*data, *TINY, "--epoch-starts", "8", code=None)
    if not HAS_DALI:
        assert "DALI is not installed" in lines[0]["failed"]
        return
    assert [line["start"] for line in lines] == [1, 2, 4, 8]
    assert all(line["held_bytes"] > 0 and line["threads"] > 0 for line in lines)
    assert "FastLoader `dali`, left after the first batch of each epoch" in page


def test_a_data_folder_belongs_to_one_folder_of_photos(data: tuple[Any, ...]) -> None:
    run(*data, *TINY, "--rounds", "0")
    _, said = run("--photos", GPU.parent, *data[2:], *TINY, "--rounds", "0", code=1)
    assert f"is made of {data[1]}, not of {GPU.parent}; choose another --data" in said


def test_an_epoch_has_a_batch() -> None:
    _, said = run("--images", "8", "--batch", "9", code=2)
    assert "--images 8 is less than a batch of 9" in said
