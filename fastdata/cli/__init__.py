"""The ``fastdata`` command: one file a command, each imported when it is chosen.

Exit codes: 0 ok, 1 a bug in fastdata, 2 usage, 3 input rejected, 4 pack invalid, 5 storage, 6 a
worker or memory, 128 + number for a signal.
"""

from fastdata.cli.app import main

__all__ = ["main"]
