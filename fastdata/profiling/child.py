"""A process of a profiled command: it records, and changes nothing that the command notices."""

from __future__ import annotations

import atexit
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from fastdata.profiling.clocks.plan import Plan
from fastdata.profiling.clocks.syncs import SyncCensus
from fastdata.profiling.hooks.install import install_fastloader, install_training
from fastdata.profiling.hooks.reading import install_module
from fastdata.profiling.hooks.syncing import count_syncs, uses_gpu
from fastdata.profiling.lanes.channel import Channel
from fastdata.profiling.lanes.processlane import PROCESS, VARIABLE
from fastdata.profiling.lanes.synclane import tell_syncs
from fastdata.profiling.recorders.recorder import Recorder, current, use

__all__ = ["begin", "watch_fastloader", "watch_module"]

_UNDO = ExitStack()  # never closed: the hooks stay to the end of the process


def begin() -> None:
    """Begins to record, if this process can reach the watcher."""
    try:
        _begin(json.loads(os.environ[VARIABLE]))
    except Exception as error:
        # Whatever is wrong with the profiler, the command runs as it would have.
        _tell_failure(error)


def _begin(options: dict[str, Any]) -> None:
    channel = Channel.open(options["channel"])
    own = channel.claim(PROCESS)
    recorder = Recorder(channel, Plan(**options["plan"]))
    install_training(_UNDO)
    census = count_syncs(_UNDO)
    use(recorder)
    os.register_at_fork(after_in_child=_forget)
    atexit.register(_end, channel, own, os.getpid(), census)
    _shorten_tracebacks()


def _end(channel: Channel, own: Any, pid: int, census: SyncCensus | None) -> None:
    if own is not None and pid == os.getpid():
        recorder = current()
        if recorder is not None:
            recorder.settle()
        own.tell(ended=True)
        if census is not None and uses_gpu():
            tell_syncs(channel, census)


def _forget() -> None:
    """A forked process is a worker, or trains on its own: its steps are not its parent's."""
    recorder = current()
    if recorder is not None:
        use(recorder.renewed())


def watch_fastloader() -> None:
    """Called when the script has imported FastLoader."""
    if current() is not None:
        install_fastloader(_UNDO)


def watch_module(name: str) -> None:
    """Called when the script has imported something that reads or decodes."""
    if current() is not None:
        install_module(name, _UNDO)


def _tell_failure(error: Exception) -> None:
    try:
        lane = Channel.open(json.loads(os.environ[VARIABLE])["channel"]).claim(PROCESS)
        if lane is not None:
            lane.tell(failed=f"{type(error).__name__}: {error}")
    except Exception:
        return


def _shorten_tracebacks() -> None:
    """An error that ends the script is shown without the calls of the hooks around it."""
    before = sys.excepthook
    own = str(Path(__file__).parent) + os.sep

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        before(kind, error, _without(trace, own))

    sys.excepthook = show


def _without(trace: TracebackType | None, folder: str) -> TracebackType | None:
    if trace is None:
        return None
    rest = _without(trace.tb_next, folder)
    if trace.tb_frame.f_code.co_filename.startswith(folder):
        return rest
    trace.tb_next = rest
    return trace
