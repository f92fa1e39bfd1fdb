"""The lines of the live view: one a resource, with a sparkline of the recent past."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from rich.text import Text

from fastdata.monitoring import Sample
from fastdata.monitoring.status import TARGET_SHARE
from fastdata.monitoring.units import told
from fastdata.wording import human_bytes, printable

__all__ = ["Rows", "plain_line", "sparkline"]

SPARK_COLUMNS = 28
LABEL_COLUMNS = 8
BLOCKS = "▁▂▃▄▅▆▇█"
ASCII_LEVELS = "_.:-=+*#"
MOST_GPUS = 8
SHOWN_WORKERS = 6


def sparkline(values: Sequence[float | None], *, top: float, ascii_only: bool) -> str:
    """One character a value, from 0 to `top`; a blank where there is none.

    Args:
        values: In time order.
        top: The value of the highest character; what is above is drawn as that.
        ascii_only: Whether the console can show no block characters.
    """
    levels = ASCII_LEVELS if ascii_only else BLOCKS
    highest = len(levels) - 1
    return "".join(
        " " if value is None else levels[min(highest, int(value / max(top, 1e-12) * len(levels)))]
        for value in values
    )


class Rows:
    """Remembers the recent past, and draws it.

    Args:
        title: What is watched.
        cores: Cores that quota and affinity allow.
        gpus: NVML's numbers of the GPUs.
        no_gpu: Why no GPU is seen; "" where there is one.
    """

    def __init__(self, title: str, *, cores: float, gpus: Sequence[int], no_gpu: str) -> None:
        self._title = printable(title)
        self._cores = cores
        self._gpus = tuple(gpus)[:MOST_GPUS]
        self._no_gpu = no_gpu
        self._past: deque[Sample] = deque(maxlen=SPARK_COLUMNS)

    @property
    def height(self) -> int:
        """Number of lines."""
        return 5 + max(1, len(self._gpus))

    def add(self, sample: Sample) -> None:
        """Appends a sample."""
        self._past.append(sample)

    def lines(self, *, width: int, ascii_only: bool) -> list[Text]:
        """The lines, each cut to a width.

        Args:
            width: Characters of the console.
            ascii_only: Whether the console can show no block characters.
        """
        now = self._past[-1]
        minutes, seconds = divmod(int(now.seconds), 60)
        head = Text(f"{minutes}:{seconds:02d}".ljust(LABEL_COLUMNS + 1), style="bold")
        drawn = [head.append(self._title)]
        drawn += [self._gpu(index, ascii_only) for index in self._gpus]
        if not self._gpus:
            drawn.append(self._row("GPU", Text(f"not seen: {self._no_gpu}")))
        drawn += [
            self._cpu(now, ascii_only),
            self._workers(now),
            self._memory(now, ascii_only),
            self._reads(now, ascii_only),
        ]
        for line in drawn:
            line.no_wrap = True
            line.truncate(width - 1, overflow="crop" if ascii_only else "ellipsis")
        return drawn

    def _gpu(self, index: int, ascii_only: bool) -> Text:
        now, name = self._past[-1], f"gpu{index}"
        busy = now.values.get(f"{name}_busy_share")
        enough = busy is not None and busy >= TARGET_SHARE
        parts = [
            told(busy, "share"),
            told(now.values.get(f"{name}_memory_bytes"), "bytes"),
            told(now.values.get(f"{name}_power_watts"), "watts"),
            *(now.throttle if now.values.get(f"{name}_throttled_share") else ()),
        ]
        spark = self._spark(f"{name}_busy_share", 1.0, "green" if enough else "yellow", ascii_only)
        return self._row(f"GPU {index}", spark, "  ".join(parts))

    def _cpu(self, now: Sample, ascii_only: bool) -> Text:
        text = f"{told(now.values.get('cpu_cores'), 'cores')} of {self._cores:g} cores"
        held = now.values.get("cpu_throttled_share")
        if held:
            text += f", held back {told(held, 'share')}"
        return self._row("CPU", self._spark("cpu_share", 1.0, "cyan", ascii_only), text)

    def _workers(self, now: Sample) -> Text:
        shown = " ".join(f"{worker.cpu_cores:.2f}" for worker in now.workers[:SHOWN_WORKERS])
        more = len(now.workers) - SHOWN_WORKERS
        tail = f", and {more} more processes" if more > 0 else ""
        return self._row("busiest", Text(f"{shown} cores{tail}" if shown else "none"))

    def _memory(self, now: Sample, ascii_only: bool) -> Text:
        text = f"{told(now.values.get('pss_bytes'), 'bytes')} PSS"
        shm = now.values.get("shm_bytes")
        if shm is not None:
            text += f", /dev/shm {human_bytes(shm)}"
        return self._row("memory", self._spark("pss_bytes", None, "magenta", ascii_only), text)

    def _reads(self, now: Sample, ascii_only: bool) -> Text:
        text = (
            f"{told(now.values.get('read_bytes_per_second'), 'bytes/s')}, faults "
            f"{told(now.values.get('minor_faults_per_second'), 'faults/s')}, major "
            f"{told(now.values.get('major_faults_per_second'), 'faults/s')}"
        )
        spark = self._spark("read_bytes_per_second", None, "blue", ascii_only)
        return self._row("read", spark, text)

    def _spark(self, name: str, top: float | None, style: str, ascii_only: bool) -> Text:
        values = [sample.values.get(name) for sample in self._past]
        highest = top or max((value for value in values if value is not None), default=1.0) or 1.0
        line = sparkline(values, top=highest, ascii_only=ascii_only)
        return Text(line.rjust(SPARK_COLUMNS), style=style)

    def _row(self, name: str, spark: Text, text: str = "") -> Text:
        line = Text(name.ljust(LABEL_COLUMNS + 1), style="bold")
        return line.append_text(spark).append(f"  {text}" if text else "")


def plain_line(sample: Sample, *, cores: float) -> str:
    """A sample in one line, for a pipe."""
    busy = sample.values.get("gpu_busy_share")
    parts = [f"{sample.seconds:.0f} s"]
    if busy is not None:
        parts.append(f"GPU {told(busy, 'share')}")
    parts += [
        f"CPU {told(sample.values.get('cpu_cores'), 'cores')} of {cores:g} cores",
        f"memory {told(sample.values.get('pss_bytes'), 'bytes')}",
        f"read {told(sample.values.get('read_bytes_per_second'), 'bytes/s')}",
    ]
    return ", ".join(parts)
