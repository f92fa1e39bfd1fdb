"""What is shown of GPUs, by a library that stands in for the driver's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nvmlstub import build_nvml_stub

STUBBED = """
import json, time
from fastdata.monitoring import Monitor
with Monitor(0.25) as monitor:
    time.sleep(0.8)
summary = monitor.summary()
print(json.dumps([
    summary.status.kind, summary.status.sentence, list(summary.throttle), list(summary.unseen),
    {figures.name: figures.mean for figures in summary.columns},
]))
"""


def stubbed(folder: Path, **env: str) -> list[Any]:
    environment = {**os.environ, **build_nvml_stub(folder), **env}
    done = subprocess.run(
        [sys.executable, "-c", STUBBED], env=environment, capture_output=True, check=True
    )
    found: list[Any] = json.loads(done.stdout)
    return found


def test_gpus_are_shown_with_their_units_and_what_cannot_be_seen_is_named(tmp_path: Path) -> None:
    kind, sentence, throttle, unseen, means = stubbed(tmp_path, NVML_STUB_REASONS="0x24")
    assert kind == "on target"
    assert "busy 91% of the time" in sentence and "target: 85% and more" in sentence
    assert means["gpu0_busy_share"] == means["gpu_busy_share"] == pytest.approx(0.91)
    assert means["gpu1_memory_bytes"] == 11 << 30
    assert means["gpu0_power_watts"] == pytest.approx(310.5)
    assert means["gpu0_throttled_share"] == 1
    assert throttle == ["power cap", "thermal (driver)"]
    assert "PCIe traffic: Not Supported" in unseen
    assert "gpu0_pcie_send_bytes_per_second" not in means


def test_a_gpu_that_waits_is_below_target_with_the_next_command(tmp_path: Path) -> None:
    kind, sentence, *_ = stubbed(tmp_path, NVML_STUB_BUSY="40")
    assert kind == "below target"
    assert "busy 40% of the time" in sentence
    assert "cores were busy" in sentence


def test_gpus_that_cuda_hides_are_not_watched(tmp_path: Path) -> None:
    *_, means = stubbed(tmp_path, CUDA_VISIBLE_DEVICES="1")
    assert "gpu1_busy_share" in means and "gpu0_busy_share" not in means
    *_, means = stubbed(tmp_path, CUDA_VISIBLE_DEVICES="GPU-stub-0")
    assert "gpu0_busy_share" in means and "gpu1_busy_share" not in means
    kind, _, _, unseen, _ = stubbed(tmp_path, CUDA_VISIBLE_DEVICES="")
    assert kind == "no GPU"
    assert "GPU: CUDA_VISIBLE_DEVICES hides all 2" in unseen
