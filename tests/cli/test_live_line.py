"""The line of a training run that is renewed on a terminal, whatever the terminal's width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios

import pytest

from fastdata.cli.trainrun.live import Show
from fastdata.training import LogLine

LINE = LogLine(
    epoch=7,
    step=12_345,
    loss=0.693147,
    lr=3e-4,
    samples=1_600,
    samples_per_second=12_345.6,
    step_seconds=0.01,
    data_seconds=0.0023,
    hidden_seconds=0.001,
    compute_seconds=0.0077,
    data_share=0.23,
    skipped_steps=2,
    memory_bytes=812 << 20,
)
ESSENTIAL = ("loss 0.6931", "12,346 samples/s", "data 23%", "812 MiB")


def on_a_terminal(columns: int) -> str:
    """What a terminal of this width gets to see of two log lines."""
    child, master = pty.fork()
    if child == 0:  # its input, output and error are the terminal
        try:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.environ |= {"TERM": "xterm-256color"}
            for name in ("COLUMNS", "LINES", "NO_COLOR"):
                os.environ.pop(name, None)
            sys.stdout = sys.__stdout__ = os.fdopen(1, "w")
            sys.stderr = sys.__stderr__ = os.fdopen(2, "w", buffering=1)
            with Show() as show:
                show.record(LINE)
                show.record(LINE)
            os._exit(0)
        finally:
            os._exit(1)
    shown = bytearray()
    while True:
        try:
            shown += os.read(master, 65536)
        except OSError:  # Linux says EIO when the other side is closed
            break
    os.close(master)
    assert os.waitpid(child, 0)[1] == 0, shown.decode()
    return shown.decode()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("columns", [200, 80, 60, 50])
def test_the_line_fits_into_the_terminal_and_says_what_matters_most(columns: int) -> None:
    shown = on_a_terminal(columns)
    # The cursor goes up at the end; and before that, to wipe the first part of a broken line.
    assert shown.count("\x1b[1A") == 1
    lines = [part for part in re.split(r"\x1b\[[0-9;?]*[a-zA-Z]|[\r\n]", shown) if "loss" in part]
    assert lines
    for line in lines:
        assert len(line) < columns
        assert all(part in line.replace("data 2.3 ms (23%)", "data 23%") for part in ESSENTIAL)
    assert ("step 12345" in lines[0]) == (columns >= 80)
    assert ("lr 3.00e-04" in lines[0]) == ("+1.0 ms hidden" in lines[0]) == (columns == 200)
