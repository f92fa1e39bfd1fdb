"""Builds a pack from what was staged, and reads it back before anybody else may."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fastdata.errors import FastDataError, PackCorrupt
from fastdata.packs.base import Backend, PackInfo
from fastdata.packs.opening import open_pack
from fastdata.packs.partial import Partial
from fastdata.packs.passes import Progress
from fastdata.packs.staging import Staging, begun_id

__all__ = ["build_checked", "find_finished"]

_BUILDERS: Final[dict[Backend, str]] = {
    "lmdb": "fastdata.packs.lmdb_pack",
    "hdf5": "fastdata.packs.hdf5_pack",
}


def build_checked(
    staging: Staging,
    built: Path,
    backend: Backend,
    *,
    progress: Callable[[str, int, int], None] | None,
) -> None:
    """Builds the pack, reads it back and finds it whole.

    Args:
        staging: The samples.
        built: Where it is built; there is nothing yet.
        backend: Of the pack.
        progress: As `create_pack` has it.

    Raises:
        PackCorrupt: Other bytes were read than written.
    """
    builder = importlib.import_module(_BUILDERS[backend])
    builder.build(staging, built, _telling(progress, "build"))
    with open_pack(built) as pack:
        report = pack.verify(_telling(progress, "check"))
    if not report.ok:
        raise PackCorrupt(
            f"{built} was read back with other bytes than were written: {report.problems[0]}; "
            "check the disk and its cables, then go on with --resume"
        )


def find_finished(partial: Partial, path: Path) -> PackInfo | None:
    """The pack, where an earlier run was killed after publishing, before it had tidied up."""
    begun = begun_id(partial)
    try:
        with open_pack(path) as pack:
            return pack.info if pack.info.id == begun else None
    except FastDataError:
        return None


def _telling(progress: Callable[[str, int, int], None] | None, step: str) -> Progress | None:
    return functools.partial(progress, step) if progress else None
