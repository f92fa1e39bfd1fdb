"""GPUs, what they can do, and whether this torch can use them."""

from __future__ import annotations

import importlib
from typing import Any

from fastdata.checkup.finding import Finding
from fastdata.monitoring.nvml import GpuFacts, Gpus, GpusUnseen, open_gpus

__all__ = ["gpus"]

NOT_NEEDED = "not in torch, not needed"
# TF32 and bf16 matrix units came with Ampere.
AMPERE = (8, 0)
# Chips with NVJPG units that nvJPEG decodes with: GA100, Orin, GH100, GB100, GB102.
HARDWARE_JPEG = {(8, 0), (8, 7), (9, 0), (10, 0), (10, 3)}


def gpus() -> tuple[Finding, ...]:
    """Driver, CUDA, cuDNN and each GPU; without one, what that means for torch's CUDA."""
    torch = _torch()
    try:
        seen = open_gpus()
    except GpusUnseen as unseen:
        return _without(torch, str(unseen))
    return (_driver(seen), *_torch_cuda(torch, seen), *(_gpu(facts) for facts in seen.facts()))


def _torch() -> Any:
    try:
        return importlib.import_module("torch")
    except (ImportError, OSError):
        return None


def _without(torch: Any, why: str) -> tuple[Finding, ...]:
    built = None if torch is None else torch.version.cuda
    cudnn = None if torch is None else torch.backends.cudnn.version()
    return (
        Finding(
            "GPU",
            "warn",
            f"none is seen ({why}); training runs on the CPU",
            "install the NVIDIA driver; in a container, start it with --gpus all",
        ),
        Finding("CUDA", "ok", f"{built} in torch, unused" if built else NOT_NEEDED),
        Finding("cuDNN", "ok", f"{cudnn} in torch, unused" if cudnn else NOT_NEEDED),
    )


def _driver(seen: Gpus) -> Finding:
    cuda = seen.driver_cuda
    runs = "" if cuda is None else f", runs CUDA up to {cuda[0]}.{cuda[1]}"
    return Finding("driver", "ok", f"{seen.driver_version or 'version unknown'}{runs}")


def _torch_cuda(torch: Any, seen: Gpus) -> tuple[Finding, ...]:
    if torch is None:
        return (Finding("CUDA", "fail", "torch cannot be imported", "see the line of torch"),)
    if torch.version.cuda is None:
        remedy = "install torch with CUDA; see pytorch.org/get-started"
        found = f"torch {torch.__version__} is built without CUDA, and there are {len(seen)} GPUs"
        return (Finding("CUDA", "fail", found, remedy),)
    if not torch.cuda.is_available():
        newest = seen.driver_cuda
        runs = "" if newest is None else f"; the driver runs up to {newest[0]}.{newest[1]}"
        found = f"torch's CUDA {torch.version.cuda} sees no GPU{runs}"
        return (Finding("CUDA", "fail", found, "update the driver, or take a torch of older CUDA"),)
    cudnn = torch.backends.cudnn
    version = cudnn.version() if cudnn.is_available() else None
    return (
        Finding("CUDA", "ok", f"{torch.version.cuda} in torch, {torch.cuda.device_count()} GPUs"),
        Finding("cuDNN", "ok", str(version))
        if version
        else Finding("cuDNN", "warn", "not in torch", "install a torch that has it"),
        _tf32(torch),
    )


def _tf32(torch: Any) -> Finding:
    if torch.cuda.get_device_capability() < AMPERE:
        return Finding("TF32", "ok", "not in this GPU")
    if torch.get_float32_matmul_precision() == "highest":
        return Finding(
            "TF32",
            "ok",
            "in this GPU, off for matrix products; torch.set_float32_matmul_precision('high') "
            "turns it on",
        )
    return Finding("TF32", "ok", "in this GPU, and on")


def _gpu(facts: GpuFacts) -> Finding:
    capability = facts.capability
    parts = [facts.name, f"{facts.memory_bytes / 2**30:.1f} GiB"]
    if capability is not None:
        parts.append(f"compute capability {capability[0]}.{capability[1]}")
        parts.append("TF32 and bf16" if capability >= AMPERE else "no TF32, no fast bf16")
        jpeg = "hardware JPEG" if capability in HARDWARE_JPEG else "no hardware JPEG known"
        parts.append(jpeg)
    return Finding(f"GPU {facts.index}", "ok", ", ".join(parts))
