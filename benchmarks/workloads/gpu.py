"""How busy the GPU is while something runs, as NVML tells it."""

from __future__ import annotations

import statistics
import threading
from types import TracebackType
from typing import Any

import pynvml

__all__ = ["Utilisation"]

SECONDS = 0.1  # NVML renews its figure every 1/6 to 1 second, depending on the GPU


class Utilisation:
    """Asks the first GPU again and again from a thread while it is entered.

    NVML's utilisation is the share of its last sampling period in which any kernel ran.
    """

    def __init__(self) -> None:
        self._shares: list[float] = []
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Utilisation:
        try:
            pynvml.nvmlInit()
            gpu = pynvml.nvmlDeviceGetHandleByIndex(0)
            pynvml.nvmlDeviceGetUtilizationRates(gpu)
        except pynvml.NVMLError:
            return self
        self._thread = threading.Thread(target=self._watch, args=(gpu,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            pynvml.nvmlShutdown()

    def record(self) -> dict[str, float] | None:
        """Mean and standard deviation of the utilisation, each 0..1; None without a GPU."""
        if not self._shares:
            return None
        return {
            "mean": statistics.fmean(self._shares),
            "deviation": statistics.pstdev(self._shares),
        }

    def _watch(self, gpu: Any) -> None:
        while not self._ended.wait(SECONDS):
            self._shares.append(pynvml.nvmlDeviceGetUtilizationRates(gpu).gpu / 100)
