"""Checks in processes of other surroundings: no torch, little shared memory, GPUs, switches."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from commands import environment
from nvmlstub import build_nvml_stub

PRINTED = """
import dataclasses, json
from fastdata.checkup import gpus, machine, software
found = {check}
found = found if isinstance(found, tuple) else (found,)
print(json.dumps({{finding.name: dataclasses.asdict(finding) for finding in found}}))
"""


def findings(
    check: str,
    *,
    env: Mapping[str, str] | None = None,
    within: Sequence[str] = (),
    first: Callable[[], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """The findings of a check by name, made by a process of its own.

    `within` are words before its command line, and `first` is called in it before anything else.
    """
    done = subprocess.run(
        [*within, sys.executable, "-c", PRINTED.format(check=check)],
        env=environment(env),
        stdout=subprocess.PIPE,
        preexec_fn=first,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def test_a_core_that_is_switched_off_is_a_warning_with_the_way_back() -> None:
    core = findings("software.native_core()", env={"FASTDATA_NATIVE": "off"})["native core"]
    assert core["state"] == "warn"
    assert "FASTDATA_NATIVE is off" in core["found"]
    assert "unset FASTDATA_NATIVE" in core["remedy"]


def test_a_torch_that_cannot_be_imported_fails_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so.13 is not there')\n")
    env = {"PYTHONPATH": str(tmp_path)}
    torch = findings("software.torch()", env=env)["torch"]
    assert torch["state"] == "fail"
    assert "libcudart.so.13 is not there" in torch["found"]
    # What is known without it is still told.
    assert "GPU" in " ".join(findings("gpus.gpus()", env=env))


def test_pillow_and_pillow_simd_over_each_other_are_told(tmp_path: Path) -> None:
    for name in ("pillow", "pillow_simd"):
        (tmp_path / f"{name}-12.0.dist-info").mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 12.0\n"
        (tmp_path / f"{name}-12.0.dist-info" / "METADATA").write_text(metadata)
    pillow = findings("software.pillow()", env={"PYTHONPATH": str(tmp_path)})["Pillow"]
    assert pillow["state"] == "warn"
    assert "pip uninstall pillow pillow-simd" in pillow["remedy"]


def test_few_file_descriptors_are_a_warning_with_the_command() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))

    files = findings("machine.descriptors()", first=limit)["open files"]
    assert files["state"] == "warn"
    assert files["found"].startswith("256,")
    assert files["remedy"].startswith("ulimit -n ")


@pytest.mark.parametrize(("size", "state"), [("32m", "fail"), ("512m", "warn")])
def test_little_shared_memory_is_told_with_the_option_for_more(size: str, state: str) -> None:
    mounted = f'mount -t tmpfs -o size={size} tmpfs /dev/shm && exec "$@"'
    within = ["unshare", "-m", "sh", "-c", mounted, "sh"]
    if subprocess.run([*within, "true"], capture_output=True).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    shm = findings("machine.shared_memory()", within=within)["/dev/shm"]
    assert shm["state"] == state
    assert "--shm-size" in shm["remedy"]


FAKE_TORCH = """
from types import SimpleNamespace as Made
__version__ = "2.12.0"
version = Made(cuda={cuda!r})
cuda = Made(
    is_available=lambda: {available}, device_count=lambda: 2,
    get_device_capability=lambda: (8, 0),
)
backends = Made(cudnn=Made(is_available=lambda: True, version=lambda: 91002))
get_float32_matmul_precision = lambda: "highest"
"""


def with_gpus(folder: Path, *, cuda: str | None, available: bool) -> dict[str, dict[str, Any]]:
    """What is found where NVML shows two GPUs, with a torch that says what is wanted."""
    (folder / "torch.py").write_text(FAKE_TORCH.format(cuda=cuda, available=available))
    return findings("gpus.gpus()", env=build_nvml_stub(folder) | {"PYTHONPATH": str(folder)})


def test_gpus_are_told_with_driver_cuda_cudnn_and_what_they_can_do(tmp_path: Path) -> None:
    found = with_gpus(tmp_path, cuda="12.4", available=True)
    assert {name: line["state"] for name, line in found.items()} == dict.fromkeys(
        ("driver", "CUDA", "cuDNN", "TF32", "GPU 0", "GPU 1"), "ok"
    )
    assert found["driver"]["found"] == "550.54.15, runs CUDA up to 12.4"
    assert found["cuDNN"]["found"] == "91002"
    assert "set_float32_matmul_precision" in found["TF32"]["found"]
    assert found["GPU 1"]["found"] == (
        "Stub 1, 80.0 GiB, compute capability 8.0, TF32 and bf16, hardware JPEG"
    )


@pytest.mark.parametrize(
    ("cuda", "reason", "remedy"),
    [
        (None, "built without CUDA, and there are 2 GPUs", "install torch with CUDA"),
        ("13.0", "sees no GPU; the driver runs up to 12.4", "update the driver"),
    ],
)
def test_gpus_that_torch_cannot_use_are_a_failure(
    tmp_path: Path, cuda: str | None, reason: str, remedy: str
) -> None:
    found = with_gpus(tmp_path, cuda=cuda, available=False)
    assert found["CUDA"]["state"] == "fail"
    assert reason in found["CUDA"]["found"]
    assert remedy in found["CUDA"]["remedy"]
    assert found["GPU 0"]["state"] == "ok"


def test_gpus_that_cuda_hides_are_not_there(tmp_path: Path) -> None:
    env = build_nvml_stub(tmp_path) | {"CUDA_VISIBLE_DEVICES": ""}
    found = findings("gpus.gpus()", env=env)
    assert found["GPU"]["state"] == "warn"
    assert "CUDA_VISIBLE_DEVICES hides all 2" in found["GPU"]["found"]
