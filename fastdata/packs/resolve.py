"""Finds the parts of a rewritten pack through lmdb or h5py, in a child process.

Compaction and repacking move records, and then only the library knows where they are. The library
also walks structures that nothing guards, and a damaged one can end its process (measured: SIGBUS
in 95 of 100 truncated LMDB files). So it runs in a child, whose death is a `PackCorrupt` here.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fastdata.errors import PackCorrupt, PackError, PackVersion
from fastdata.packs.assemble import Resolved
from fastdata.packs.base import Backend
from fastdata.packs.layout import expected_offsets
from fastdata.packs.manifest import Manifest

__all__ = ["child_main", "resolve"]

LIBRARIES: dict[Backend, str] = {
    "lmdb": "fastdata.packs.lmdb_pack",
    "hdf5": "fastdata.packs.hdf5_pack",
}
# A walk over a million records takes 2 s here; a damaged tree must not keep anybody for ever.
BASE_SECONDS = 60.0
BYTES_PER_SECOND = 20e6
# A crafted file can make HDF5 ask for any amount of memory; LMDB maps what its owner chose, often
# a terabyte, so it cannot be held to a limit.
HDF5_BYTES = 4 << 30
PROGRAM = "import json,sys; sys.path[:] = json.loads(sys.argv[3]); " + (
    "from fastdata.packs.resolve import child_main; child_main(sys.argv[1], sys.argv[2])"
)


def resolve(path: Path, backend: Backend, nbytes: int) -> Resolved:
    """Where everything lies in a pack whose layout is stale or missing.

    Args:
        path: The pack.
        backend: Its backend.
        nbytes: Size of its data file.

    Raises:
        PackCorrupt: The library cannot read it, or died of it.
        PackVersion: It holds no manifest, or is stored in a way that cannot be mapped.
    """
    command = [sys.executable, "-c", PROGRAM, backend, os.fspath(path), json.dumps(sys.path)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=BASE_SECONDS + nbytes / BYTES_PER_SECOND,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PackCorrupt(
            f"{path} was rewritten by another tool or damaged, and {backend} did not read it in "
            f"{error.timeout:.0f} s; restore it from a copy or convert again"
        ) from error
    line, _, tail = done.stdout.partition(b"\n")
    if done.returncode or not line:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise PackCorrupt(
            f"{path} was rewritten by another tool or damaged, and {backend} cannot read it "
            f"(exit status {done.returncode}{': ' + last[-1] if last else ''}); restore it from a "
            f"copy "
            "or convert again"
        )
    return _parse(json.loads(line), tail, str(path))


def _parse(answer: dict[str, Any], tail: bytes, where: str) -> Resolved:
    if "version" in answer:
        raise PackVersion(answer["version"])
    if "corrupt" in answer:
        raise PackCorrupt(answer["corrupt"])
    manifest = Manifest.from_json(answer["manifest"], where)
    offsets, start = {}, 0
    for name, count in expected_offsets(manifest).items():
        offsets[name] = np.frombuffer(tail, "<i8", count, start)
        start += 8 * count
    return Resolved(manifest, answer["arrays"], answer["bases"], offsets)


def child_main(backend: Backend, path: str) -> None:
    """What the child runs: locate everything and write it to standard output."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if backend == "hdf5":
        limit = HDF5_BYTES + 2 * os.stat(path).st_size
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    find: Callable[[Path], Resolved] = importlib.import_module(LIBRARIES[backend]).locate
    answer: dict[str, Any]
    tail: list[bytes] = []
    try:
        found = find(Path(path))
        answer = {
            "manifest": found.manifest.to_json(),
            "arrays": dict(found.arrays),
            "bases": dict(found.bases),
        }
        tail = [found.offsets[name].tobytes() for name in expected_offsets(found.manifest)]
    except PackError as error:
        answer = {"version" if isinstance(error, PackVersion) else "corrupt": str(error)}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    for piece in tail:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
