"""NVIDIA GPUs as the driver's management library (NVML) shows them, without a CUDA context."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import pynvml

__all__ = ["GpuFacts", "GpuReading", "Gpus", "GpusUnseen", "open_gpus"]

T = TypeVar("T")

# Bits of the clock event reasons that slow a GPU down; being idle or set so by the user is none.
# Source: NVML API reference, "NvmlClocksEventReasons".
_THROTTLE_REASONS: Final = {
    0x0000000000000004: "power cap",
    0x0000000000000008: "hardware slowdown",
    0x0000000000000020: "thermal (driver)",
    0x0000000000000040: "thermal (hardware)",
    0x0000000000000080: "power brake",
}


class GpusUnseen(Exception):
    """NVML cannot be asked; the message says why."""


@dataclass(frozen=True, kw_only=True)
class GpuFacts:
    """What does not change about a GPU.

    Attributes:
        index: NVML's number, which follows the bus.
        name: Its product name.
        memory_bytes: All of its memory.
        capability: Its compute capability, such as (8, 0), or None where NVML does not say.
    """

    index: int
    name: str
    memory_bytes: int
    capability: tuple[int, int] | None


@dataclass(frozen=True, kw_only=True)
class GpuReading:
    """One look at a GPU; None for what it or its driver does not tell.

    Attributes:
        index: NVML's number.
        busy_share: Part of the driver's last sample period, 1/6 s to 1 s, in which some kernel was
            resident, 0..1. One small kernel counts as much as a full GPU.
        memory_bytes: Memory in use, by all processes.
        power_watts: Power draw.
        throttle: What slows the clocks down; empty when nothing does.
        pcie_receive_bytes_per_second: Traffic from the host over the last 20 ms.
        pcie_send_bytes_per_second: Traffic to the host over the last 20 ms.
    """

    index: int
    busy_share: float | None
    memory_bytes: int | None
    power_watts: float | None
    throttle: tuple[str, ...] | None
    pcie_receive_bytes_per_second: float | None
    pcie_send_bytes_per_second: float | None


class Gpus:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves to this process; made by `open_gpus`.

    Attributes:
        unseen: What could not be read, and why.
    """

    def __init__(self, handles: Mapping[int, Any]) -> None:
        self._handles = dict(handles)
        self.unseen: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._handles)

    @property
    def indices(self) -> tuple[int, ...]:
        """NVML's numbers of the GPUs."""
        return tuple(self._handles)

    @property
    def driver_version(self) -> str | None:
        """Such as "550.54.15"."""
        return self._ask("driver version", pynvml.nvmlSystemGetDriverVersion)

    @property
    def driver_cuda(self) -> tuple[int, int] | None:
        """The newest CUDA version that the driver runs."""
        number = self._ask("CUDA version", pynvml.nvmlSystemGetCudaDriverVersion_v2)
        return None if number is None else (number // 1000, number % 1000 // 10)

    def facts(self) -> tuple[GpuFacts, ...]:
        """Name, memory and capability of each GPU."""
        return tuple(self._facts(index, handle) for index, handle in self._handles.items())

    def read(self, *, pcie: bool = True) -> tuple[GpuReading, ...]:
        """One look at each GPU.

        Args:
            pcie: Also its PCIe traffic, for which the driver counts 20 ms in each direction.
        """
        return tuple(self._read(index, handle, pcie) for index, handle in self._handles.items())

    def throttle(self) -> frozenset[str]:
        """What slows the clocks of any of the GPUs down now."""
        bits = [self._throttle(handle) or () for handle in self._handles.values()]
        return frozenset(reason for reasons in bits for reason in reasons)

    def _facts(self, index: int, handle: Any) -> GpuFacts:
        memory = self._ask("memory", pynvml.nvmlDeviceGetMemoryInfo, handle)
        capability = self._ask(
            "compute capability", pynvml.nvmlDeviceGetCudaComputeCapability, handle
        )
        return GpuFacts(
            index=index,
            name=self._ask("name", pynvml.nvmlDeviceGetName, handle) or "unnamed",
            memory_bytes=0 if memory is None else int(memory.total),
            capability=None if capability is None else (int(capability[0]), int(capability[1])),
        )

    def _read(self, index: int, handle: Any, pcie: bool) -> GpuReading:
        rates = self._ask("GPU utilisation", pynvml.nvmlDeviceGetUtilizationRates, handle)
        memory = self._ask("GPU memory", pynvml.nvmlDeviceGetMemoryInfo, handle)
        received = self._pcie(handle, pynvml.NVML_PCIE_UTIL_RX_BYTES) if pcie else None
        sent = self._pcie(handle, pynvml.NVML_PCIE_UTIL_TX_BYTES) if pcie else None
        milliwatts = self._ask("GPU power", pynvml.nvmlDeviceGetPowerUsage, handle)
        return GpuReading(
            index=index,
            busy_share=None if rates is None else rates.gpu / 100,
            memory_bytes=None if memory is None else int(memory.used),
            power_watts=None if milliwatts is None else milliwatts / 1000,
            throttle=self._throttle(handle),
            pcie_receive_bytes_per_second=received,
            pcie_send_bytes_per_second=sent,
        )

    def _throttle(self, handle: Any) -> tuple[str, ...] | None:
        bits = self._ask(
            "throttle reasons", pynvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle
        )
        if bits is None:
            return None
        return tuple(name for bit, name in _THROTTLE_REASONS.items() if bits & bit)

    def _pcie(self, handle: Any, counter: int) -> float | None:
        kilobytes = self._ask("PCIe traffic", pynvml.nvmlDeviceGetPcieThroughput, handle, counter)
        return None if kilobytes is None else kilobytes * 1000.0

    def _ask(self, what: str, question: Callable[..., T], *arguments: Any) -> T | None:
        try:
            return question(*arguments)
        except pynvml.NVMLError as error:
            self.unseen.setdefault(what, str(error))
            return None


def open_gpus(environ: Mapping[str, str] | None = None) -> Gpus:
    """The GPUs that NVML sees and CUDA_VISIBLE_DEVICES does not hide.

    NVML counts along the bus, CUDA the fastest first; the two differ only where GPUs differ.

    Raises:
        GpusUnseen: There is no driver, no library, or no GPU.
    """
    environ = os.environ if environ is None else environ
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        handles = {index: pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)}
        shown = {
            index: handle for index, handle in handles.items() if _is_shown(index, handle, environ)
        }
    except pynvml.NVMLError_LibraryNotFound as error:
        raise GpusUnseen("the NVIDIA driver's library, NVML, is not there") from error
    except pynvml.NVMLError as error:
        raise GpusUnseen(f"NVML says: {error}") from error
    if not shown:
        hidden = f"CUDA_VISIBLE_DEVICES hides all {count}" if count else "the driver shows none"
        raise GpusUnseen(hidden)
    return Gpus(shown)


def _is_shown(index: int, handle: Any, environ: Mapping[str, str]) -> bool:
    chosen = environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return True
    words = [word.strip() for word in chosen.split(",") if word.strip()]
    if any(word.startswith("MIG-") for word in words):
        return True
    if str(index) in words:
        return True
    named = [word for word in words if word.startswith("GPU-")]
    return bool(named) and any(pynvml.nvmlDeviceGetUUID(handle).startswith(word) for word in named)
