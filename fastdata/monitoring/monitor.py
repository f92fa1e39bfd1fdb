"""Watches resources beside a run, from a thread of its own."""

from __future__ import annotations

import os
import shlex
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from fastdata.errors import UsageError
from fastdata.monitoring.chart import render
from fastdata.monitoring.history import History
from fastdata.monitoring.log import Log
from fastdata.monitoring.processes import Everything, ProcessTree
from fastdata.monitoring.records import Sample, Summary
from fastdata.monitoring.sampler import Sampler
from fastdata.monitoring.status import judge

__all__ = ["Monitor"]

# Processes' CPU time is counted in steps of 10 ms.
LEAST_INTERVAL_SECONDS = 0.05
LEAST_LAST_SECONDS = 0.1


class Monitor:
    """Samples GPUs, CPU, memory, storage and page faults while it is entered.

    Such as::

        with fastdata.Monitor(interval=1.0, out="run.jsonl") as monitor:
            train()
        print(monitor.summary().status.sentence)

    Nothing that fails while it runs reaches the run: what cannot be seen is named once, in
    `Summary.unseen`, and its columns stay empty. It is entered once.

    Args:
        interval: Seconds between two samples, at least 0.05.
        out: Log to write, ``.jsonl`` or ``.csv``; a chart, ``.html``, is written beside it at the
            end. None writes nothing.
        pid: Process to watch with all that it starts; None takes this one.
        whole_machine: Watch every process that can be seen instead.
        command: What is run meanwhile, for the log and the next command.

    Attributes:
        on_sample: Called with each sample, on the sampling thread; may be set at any time.
        written: Files that were completed.
        history: The samples so far; there once it is entered.

    Raises:
        UsageError: The interval is too short; on entering: the log's name has another ending, or
            it was entered before.
        StorageError: On entering: the log cannot be written.
    """

    def __init__(
        self,
        interval: float = 1.0,
        *,
        out: str | os.PathLike[str] | None = None,
        pid: int | None = None,
        whole_machine: bool = False,
        command: Sequence[str] = (),
    ) -> None:
        if not interval >= LEAST_INTERVAL_SECONDS:
            raise UsageError(
                f"interval is {interval} seconds; expected at least {LEAST_INTERVAL_SECONDS}, "
                "such as 1.0"
            )
        self.interval = interval
        self.out = None if out is None else Path(out)
        self.command = tuple(command)
        self._processes = Everything() if whole_machine else ProcessTree(pid or os.getpid())
        self.on_sample: Callable[[Sample], None] | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._failed: dict[str, str] = {}
        self._throttle: dict[str, None] = {}
        self._cpu_seconds = 0.0
        self._entered: Sampler | None = None
        self._log: Log | None = None
        self.written: tuple[Path, ...] = ()

    def __enter__(self) -> Monitor:
        if self._entered is not None:
            raise UsageError("this Monitor has been entered before; make another one")
        sampler = Sampler(self._processes, interval_seconds=self.interval)
        if self.out is not None:
            start = {"command": list(self.command), "interval_seconds": self.interval}
            self._log = Log(self.out, sampler.columns, start)
        self._entered = sampler
        self.history = History(sampler.columns)
        self._start = self._last = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="fastdata-monitor", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _sampler(self) -> Sampler:
        if self._entered is None:
            raise UsageError("this Monitor was never entered; use 'with Monitor() as monitor:'")
        return self._entered

    @property
    def cores(self) -> float:
        """Cores that quota and affinity allow, such as 1.5."""
        return self._sampler.cores

    @property
    def gpus(self) -> tuple[int, ...]:
        """The GPUs that are watched, by NVML's numbers."""
        return self._sampler.gpus

    @property
    def no_gpu(self) -> str:
        """Why no GPU is seen; "" where there is one."""
        return self._sampler.no_gpu

    def watch(self, pid: int) -> None:
        """Turns to another process, one that was just started, and counts it from its start."""
        self._sampler.watch(ProcessTree(pid))

    def stop(self) -> None:
        """Takes the last sample and completes the log; a second call does nothing."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join()
        # A rate over a few milliseconds would be a peak that never was.
        time.sleep(max(0.0, self._last + LEAST_LAST_SECONDS - time.monotonic()))
        self._take()
        self._attempt("log", self._finish)
        self._attempt("chart", self._draw)

    def summary(self) -> Summary:
        """The run so far, also while it runs.

        Raises:
            UsageError: It was never entered.
        """
        sampler = self._sampler
        with self._lock:
            figures = self.history.figures()
            samples, seconds = self.history.samples, self._last - self._start
        status = judge(
            {found.name: found for found in figures},
            cores=sampler.cores,
            command=shlex.join(self.command),
        )
        unseen = ({"GPU": sampler.no_gpu} if sampler.no_gpu else {}) | sampler.unseen | self._failed
        return Summary(
            seconds=seconds,
            samples=samples,
            cores_allowed=sampler.cores,
            columns=figures,
            status=status,
            throttle=tuple(self._throttle),
            unseen=tuple(f"{what}: {why}" for what, why in unseen.items()),
            monitor_cpu_share=self._cpu_seconds / seconds if seconds > 0 else 0.0,
        )

    def _run(self) -> None:
        taken = 0
        while not self._stop.wait(self._wait_seconds(taken)):
            self._take()
            taken = int((self._last - self._start) / self.interval)
            self._cpu_seconds = time.thread_time()

    def _wait_seconds(self, taken: int) -> float:
        """Until the next point of the grid, which keeps its pace however long a sample takes."""
        return max(0.0, self._start + (taken + 1) * self.interval - time.monotonic())

    def _take(self) -> None:
        self._attempt("sampler", self._sample)

    def _sample(self) -> None:
        now = time.monotonic()
        length, self._last = now - self._last, now
        sample = self._sampler.sample(seconds=now - self._start, interval_seconds=length)
        with self._lock:
            self.history.add(sample)
            self._throttle |= dict.fromkeys(sample.throttle)
        if self._log is not None:
            self._attempt("log", lambda: self._write(sample))
        if self.on_sample is not None:
            self.on_sample(sample)

    def _write(self, sample: Sample) -> None:
        # After a line that was cut off, the next one would be glued to it.
        if self._log is not None and "log" not in self._failed:
            self._log.write(sample)

    def _finish(self) -> None:
        if self._log is None or self.out is None:
            return
        is_whole = "log" not in self._failed
        self._log.close(self.summary() if is_whole else None)
        if is_whole:
            self.written = (self.out,)

    def _draw(self) -> None:
        if self.out is None:
            return
        path = self.out.with_suffix(".html")
        text = render(self.history, self.summary(), command=self.command)
        path.write_text(text, encoding="utf-8")
        self.written += (path,)

    def _attempt(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._failed.setdefault(what, f"{type(error).__name__}: {error}")
