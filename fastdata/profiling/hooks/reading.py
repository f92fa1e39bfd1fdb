"""Sees files being read and pictures being decoded while a batch is made."""

from __future__ import annotations

import builtins
import io
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from fastdata.profiling.clocks.batches import OPENED
from fastdata.profiling.hooks.staging import (
    STAGES,
    PlainCall,
    running,
    running_worker,
    stage,
    time_calls,
)

__all__ = ["MODULES", "install_module", "install_opening"]

_CALLS = {
    "PIL.Image": {"open": "decode"},
    "cv2": {"imread": "decode", "imdecode": "decode"},
    "torchvision.io.image": {
        "read_file": "read",
        "read_image": "decode",
        "decode_image": "decode",
        "decode_jpeg": "decode",
        "decode_png": "decode",
    },
    "numpy": {"load": "read", "fromfile": "read"},
}


def install_opening(undo: ExitStack) -> None:
    """Watches files that are opened by Python."""
    for owner in (builtins, io):
        STAGES.put_around(owner, "open", _around_open, undo=undo, lifted=_Noting)


def install_module(name: str, undo: ExitStack) -> None:
    """Watches what one of `MODULES` reads and decodes."""
    _INSTALLERS.get(name, _install_calls)(name, undo)


def _install_calls(name: str, undo: ExitStack) -> None:
    time_calls(sys.modules[name], _CALLS[name], undo=undo)


def _install_pil_file(name: str, undo: ExitStack) -> None:
    STAGES.put_around(sys.modules[name].ImageFile, "load", _around_load, undo=undo)


_INSTALLERS: dict[str, Callable[[str, ExitStack], None]] = {
    "PIL.ImageFile": _install_pil_file,
}
_SMALL_BYTES = 4096
MODULES = (*_INSTALLERS, *_CALLS)
"""Modules whose functions are stages, as soon as a script has imported them."""


def _around_open(original: Any) -> Any:
    noting = _Noting(original)

    def opened(file: Any, *args: Any, **kwargs: Any) -> Any:
        worker = running_worker()
        if worker is None or not worker.clock.is_splitting:
            return noting(file, *args, **kwargs)
        clock = worker.clock
        is_entered = clock.enter("read")
        try:
            stream = noting(file, *args, **kwargs)
        finally:
            if is_entered:
                clock.leave()
        # A plain file for reading bytes; others are read too seldom to go round their classes.
        if type(stream) is io.BufferedReader:
            if worker.looks:
                worker.look_at_file(stream.fileno())
            return _TimedReader(stream.detach())
        return stream

    return PlainCall(opened)


class _Noting(PlainCall):
    """`open` as it was, which notes what is opened, in one call."""

    def __call__(self, file: Any, *args: Any, **kwargs: Any) -> Any:
        """Opens a file."""
        OPENED.files.append(file)
        return self._function(file, *args, **kwargs)


class _TimedReader(io.BufferedReader):
    """A file as `open` gives it, whose reads are the stage "read"."""

    _timed_read = stage("read")(io.BufferedReader.read)
    _has_read = False

    def read(self, size: int | None = -1, /) -> bytes:
        # The header of one JPEG takes 40 reads of a few bytes; to time each would cost more than
        # they do. The first one is what goes to the disk.
        if size is not None and 0 <= size < _SMALL_BYTES and self._has_read:
            return super().read(size)
        self._has_read = True
        data: bytes = self._timed_read(size)
        return data

    readinto = stage("read")(io.BufferedReader.readinto)
    readall = stage("read")(io.BufferedReader.read)
    readline = stage("read")(io.BufferedReader.readline)


def _around_load(original: Any) -> Any:
    timed = stage("decode")(original)

    def load(self: Any) -> Any:
        # `load` is called before every use of a picture, and does nothing once it is decoded.
        clock = running()
        if clock is None or not clock.is_splitting or not self.tile:
            return original(self)
        plain = self.fp
        if plain is None or isinstance(plain, _TimedReader):
            return timed(self)
        self.fp = reader = _ReadBy(plain)
        try:
            return timed(self)
        finally:
            if self.fp is reader:
                self.fp = plain

    return load


class _ReadBy:
    """An open file of any kind, whose reads are the stage "read"."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.read = stage("read")(file.read)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
