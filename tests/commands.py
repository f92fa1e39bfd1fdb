"""Runs the ``fastdata`` command as a user does: as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "Ended",
    "command_line",
    "environment",
    "one_after_another",
    "run",
    "run_on_terminal",
]

Words = Sequence[str | bytes | Path]


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        return self.out.decode("utf-8")

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.err.decode("utf-8").splitlines()


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {"PATH", "HOME", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT"}
    plain = {name: value for name, value in os.environ.items() if name in kept}
    return plain | {"LC_ALL": "C.UTF-8", **(extra or {})}


def command_line(words: Words) -> list[bytes]:
    return [os.fsencode(word) for word in (sys.executable, "-m", "fastdata", *words)]


def run(
    *words: str | bytes | Path,
    line: list[bytes] | None = None,
    env: Mapping[str, str] | None = None,
    **options: Any,
) -> Ended:
    done = subprocess.run(
        line or command_line(words),
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=not options,
        **options,
    )
    return Ended(done.returncode, done.stdout or b"", done.stderr or b"")


ONE_AFTER_ANOTHER = """
import sys
from fastdata.cli import main

codes, words, found = sys.argv[1], sys.argv[2:], []
while words:
    end = words.index("--next") if "--next" in words else len(words)
    try:
        found.append(main(words[:end]) or 0)
    except SystemExit as ended:
        found.append(ended.code or 0)
    words = words[end + 1 :]
sys.exit(0 if ",".join(map(str, found)) == codes else f"ended with {found}")
"""


def one_after_another(*commands: Words, codes: Sequence[int]) -> list[bytes]:
    """The line of a process that runs several commands, and fails unless they end with `codes`.

    Starting Python and importing is most of what short commands cost.
    """
    words: list[str | bytes | Path] = [",".join(map(str, codes))]
    for command in commands:
        words += [*command, "--next"]
    return [os.fsencode(word) for word in (sys.executable, "-c", ONE_AFTER_ANOTHER, *words[:-1])]


def run_on_terminal(
    *words: str | bytes | Path,
    line: list[bytes] | None = None,
    env: Mapping[str, str] | None = None,
) -> Ended:
    """Runs the command with a terminal of 80 x 24 characters as its output and error."""
    import fcntl
    import pty
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with subprocess.Popen(
        line or command_line(words),
        env=environment({"TERM": "xterm-256color", **(env or {})}),
        stdin=slave,
        stdout=slave,
        stderr=slave,
    ) as process:
        os.close(slave)
        shown = bytearray()
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:  # Linux says EIO when the other side is closed
                break
            if not piece:
                break
            shown += piece
    os.close(master)
    return Ended(process.returncode, bytes(shown), b"")
