"""Reads a whole pack and lists what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from fastdata.errors import PackError
from fastdata.packs.base import Problem, VerifyReport
from fastdata.packs.checksum import SLICE_BYTES, extend_crc
from fastdata.packs.fields import Column, Records, Rows
from fastdata.packs.manifest import KEY_FIELD
from fastdata.packs.opened import Opened, Reader
from fastdata.packs.passes import Passes, Progress
from fastdata.packs.units import Units

__all__ = ["verify_pack"]


def verify_pack(
    opened: Opened,
    readers: Mapping[str, Reader],
    key: Callable[[int], str],
    progress: Progress | None = None,
) -> VerifyReport:
    """Check every record, block and chunk, then the bytes between them.

    Columns and indices were checked when the pack was opened, so they count as checked here.

    Args:
        opened: The pack's file.
        readers: The readers of its fields.
        key: Sample number to source name.
        progress: Called now and then with the bytes read and the bytes to read in all.
    """
    parts = [
        (name, reader, reader.units)
        for name, reader in readers.items()
        if not isinstance(reader, Column) and reader.units is not None
    ]
    unit_bytes = sum(int(units.lengths.sum()) for _, _, units in parts)
    passes = Passes(progress, unit_bytes + opened.data.nbytes)
    problems: list[Problem] = []
    for name, reader, units in parts:
        problems += _field_problems(name, reader, units, key, passes)
    problems += _file_problems(opened, bool(problems), passes)
    passes.end()
    return VerifyReport(
        count=opened.manifest.count,
        checked=len(opened.arrays) + sum(len(units) for _, _, units in parts),
        checked_bytes=sum(array.nbytes for array in opened.arrays.values()) + unit_bytes,
        problems=tuple(problems),
    )


def _field_problems(
    name: str, reader: Reader, units: Units, key: Callable[[int], str], passes: Passes
) -> Iterator[Problem]:
    for unit in range(len(units)):
        wrong = units.fault(unit)
        passes.add(int(units.lengths[unit]))
        if not wrong:
            continue
        if isinstance(reader, Records) and name != KEY_FIELD:
            yield Problem(_safe_key(key, unit), name, wrong)
        elif isinstance(reader, Rows):
            first = unit * reader.block_rows
            last = min(first + reader.block_rows, reader.count) - 1
            yield Problem(_safe_key(key, first), name, f"samples {first} to {last}: {wrong}")
        else:
            yield Problem(None, name, f"part {unit}: {wrong}")


def _safe_key(key: Callable[[int], str], index: int) -> str:
    try:
        return key(index)
    except PackError:
        return f"sample {index}"


def _file_problems(opened: Opened, explained: bool, passes: Passes) -> Iterator[Problem]:
    if explained or opened.file_crc32c is None:
        return
    start, expected = opened.file_crc32c
    found = _crc(opened, start, passes)
    if found != expected:
        yield Problem(
            None,
            "",
            f"the file has CRC32C {found:#010x}, expected {expected:#010x}: all samples are "
            f"whole, but "
            "tools that read it through its library may fail; convert again",
        )


def _crc(opened: Opened, start: int, passes: Passes) -> int:
    value = 0
    for at in range(start, opened.data.nbytes, SLICE_BYTES):
        value = extend_crc(value, opened.data.bytes[at : at + SLICE_BYTES])
        passes.add(SLICE_BYTES)
    return value
