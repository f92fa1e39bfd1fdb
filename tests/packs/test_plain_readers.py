"""The lines in the backends' docstrings read a pack with plain lmdb and h5py, as they stand."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from packsamples import kept, sample, write_pack

from fastdata.packs import hdf5_pack, lmdb_pack

READERS = {"out.lmdb": lmdb_pack, "out.h5": hdf5_pack}


def lines_of(name: str) -> list[str]:
    """The first indented block of the module's docstring."""
    text = READERS[name].__doc__ or ""
    lines = text.split("::\n", 1)[1].split("\n")
    block = []
    for line in lines:
        if line.strip() and not line.startswith("    "):
            break
        block.append(line)
    return textwrap.dedent("\n".join(block)).strip().split("\n")


@pytest.mark.parametrize("name", READERS)
def test_ten_lines_read_a_pack(tmp_path: Path, name: str) -> None:
    write_pack(tmp_path / name, 12)
    lines = lines_of(name)
    assert len([line for line in lines if line.strip()]) <= 10
    assert "fastdata" not in "".join(lines)
    program = "\n".join(lines)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    found = [line.split() for line in done.stdout.splitlines()]
    assert [int(words[1]) for words in found] == [number % 2 for number in kept(12)]
    stored = [sample(number)["image"] for number in kept(12)]
    for words, image in zip(found, stored, strict=True):
        assert not isinstance(image, bytes) or int(words[2]) == len(image)
