"""Which number format a run computes in, and what that needs around forward and backward."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from fastdata.errors import UsageError

__all__ = ["Precision", "choose_precision", "fast_arithmetic"]

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


@dataclass(frozen=True, kw_only=True)
class Precision:
    """The number format of forward and loss; weights and their updates stay as they are.

    Attributes:
        name: "bf16", "fp16" or "fp32".
        device_type: "cuda", "cpu", or as `torch.device.type`.
        reason: Why it is used.
    """

    name: str
    device_type: str
    reason: str

    def autocast(self) -> contextlib.AbstractContextManager[None]:
        """The context of forward and loss; it can be entered again and again."""
        if self.name == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device_type, _DTYPES[self.name])

    def scaler(self) -> torch.amp.GradScaler:
        """Keeps small float16 gradients from vanishing; it does nothing for other formats."""
        return torch.amp.GradScaler(self.device_type, enabled=self.name == "fp16")


def choose_precision(wanted: str, device: torch.device, *, gains_on_cpu: bool = True) -> Precision:
    """The format asked for, or for "auto" the fastest that the device computes in natively.

    Args:
        wanted: As `TrainConfig.precision`.
        device: Where the model computes.
        gains_on_cpu: Whether the model's layers are of a kind that a CPU computes faster in bf16.

    Raises:
        UsageError: The device has no such format.
    """
    if wanted == "auto":
        name, reason = _fastest(device, gains_on_cpu)
    else:
        name, reason = wanted, "asked for"
        if name == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
            raise UsageError("precision='bf16', but this GPU has no bf16; use 'auto' or 'fp16'")
    return Precision(name=name, device_type=device.type, reason=reason)


def _fastest(device: torch.device, gains_on_cpu: bool) -> tuple[str, str]:
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bf16", "the GPU computes in bf16, which needs no gradient scaler"
        return "fp16", "the GPU has no bf16; gradients are scaled"
    if device.type == "cpu" and _cpu_has_bf16():
        if gains_on_cpu:
            return "bf16", "the CPU has bf16 instructions"
        return "fp32", "layers as small as the model's take longer in bf16 on a CPU"
    return "fp32", f"the {device.type} has no bf16 instructions"


def _cpu_has_bf16() -> bool:
    has = torch.cpu.get_capabilities()
    return bool(has.get("amx_bf16") or has.get("avx512_bf16"))


@contextlib.contextmanager
def fast_arithmetic(*, tf32: bool, cudnn_benchmark: bool) -> Iterator[None]:
    """Sets torch's process-wide switches, and puts them back as they were at the end."""
    matmul = torch.get_float32_matmul_precision()
    cudnn = torch.backends.cudnn
    convolutions, benchmark = cudnn.allow_tf32, cudnn.benchmark
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    cudnn.allow_tf32, cudnn.benchmark = tf32, cudnn_benchmark
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        cudnn.allow_tf32, cudnn.benchmark = convolutions, benchmark
