"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["DebugOption", "JsonOption", "PackArgument"]

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, for machines.")
]
# `fastdata.cli.app` reads it from the command line itself, which may be what is wrong.
DebugOption = Annotated[
    bool, typer.Option("--debug", help="Print the whole traceback when something fails.")
]
PackArgument = Annotated[
    Path, typer.Argument(metavar="PACK", help="A pack, such as photos.lmdb or photos.h5.")
]
