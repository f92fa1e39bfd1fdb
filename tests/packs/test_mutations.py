"""Damaged packs: a typed error or the data as written, whatever was flipped, cut, swapped or added.

``FASTDATA_MUTATIONS=2000`` runs that many over both formats; the default keeps the suite quick.
"""

from __future__ import annotations

import collections
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packcopies import again
from packsamples import write_pack

from fastdata.errors import PackError
from fastdata.packs import Pack, open_pack

MUTATIONS = int(os.environ.get("FASTDATA_MUTATIONS", "600")) // 2
SAMPLES = 10

Values = dict[tuple[str, int], bytes]
Random = np.random.Generator


def everything(pack: Pack) -> Values:
    """Every value that can be read; what raises a PackError is left out."""
    found: Values = {("count", 0): b"%d" % len(pack), ("facts", 0): facts(pack)}
    for index in range(len(pack)):
        take(found, ("sample", index), lambda i=index: joined(pack[i]))
        take(found, ("key", index), lambda i=index: pack.key(i).encode())
        for name, field in pack.schema.items():
            if field.storage == "records":
                take(found, (name, index), lambda i=index, n=name: bytes(pack.records(n, [i])[0]))
            else:
                take(found, (name, index), lambda i=index, n=name: pack.gather(n, [i]).tobytes())
            if field.spatial:
                take(found, (name + " size", index), pack.sizes(name)[index].tobytes)
    return found


def facts(pack: Pack) -> bytes:
    info = pack.info
    return repr((pack.schema, info.id, info.source, info.rejects, info.options)).encode()


def joined(sample: Any) -> bytes:
    parts = (v.encode() if isinstance(v, str) else np.asarray(v).tobytes() for v in sample)
    return b"|".join(parts)


def take(found: Values, name: tuple[str, int], read: Callable[[], bytes]) -> None:
    try:
        found[name] = read()
    except PackError:
        return


def flip(data: bytearray, random: Random) -> None:
    for _ in range(int(random.integers(1, 4))):
        data[place(data, random)] ^= 1 << int(random.integers(8))


def overwrite(data: bytearray, random: Random) -> None:
    start, length = place(data, random), int(random.integers(1, 5000))
    filler = random.bytes(length) if random.random() < 0.5 else bytes(length)
    data[start : start + length] = filler[: len(data) - start]


def swap(data: bytearray, random: Random) -> None:
    length = int(random.integers(1, 2000))
    one, other = sorted(place(data, random) for _ in range(2))
    length = min(length, other - one, len(data) - other)
    piece = data[one : one + length]
    data[one : one + length] = data[other : other + length]
    data[other : other + length] = piece


def cut_short(data: bytearray, random: Random) -> None:
    del data[place(data, random) :]


def cut_out(data: bytearray, random: Random) -> None:
    start = place(data, random)
    del data[start : start + int(random.integers(1, 5000))]


def extend(data: bytearray, random: Random) -> None:
    length = int(random.choice([1, 7, 4096, 10_000]))
    data += random.bytes(length) if random.random() < 0.5 else bytes(length)


def insert(data: bytearray, random: Random) -> None:
    start = place(data, random)
    data[start:start] = random.bytes(int(random.integers(1, 5000)))


MUTATORS = (flip, flip, flip, overwrite, swap, cut_short, cut_out, extend, insert)


def place(data: bytearray, random: Random) -> int:
    """Anywhere, with the last quarter, where the indices and the manifest lie, twice as likely."""
    low = 3 * len(data) // 4 if random.random() < 0.3 else 0
    return int(random.integers(low, max(low + 1, len(data))))


def files_of(path: Path) -> list[Path]:
    return sorted(path.iterdir()) if path.is_dir() else [path]


@pytest.fixture(params=[".lmdb", ".h5"])
def pack_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_pack(tmp_path / f"whole{request.param}", SAMPLES, options={"quality": 95})


@pytest.mark.timeout(3000)
def test_no_mutation_is_silent(pack_path: Path, tmp_path: Path) -> None:
    with open_pack(pack_path) as pack:
        expected = everything(pack)
    originals = {file: file.read_bytes() for file in files_of(pack_path)}
    outcomes: collections.Counter[str] = collections.Counter()
    for number in range(MUTATIONS):
        random = np.random.default_rng(number)
        file = files_of(pack_path)[int(random.choice([0, 0, 0, 1, 2])) % len(originals)]
        data = bytearray(originals[file])
        mutate = MUTATORS[int(random.integers(len(MUTATORS)))]
        mutate(data, random)
        put(file, data)
        outcomes[outcome(pack_path, expected, f"mutation {number}: {mutate.__name__}")] += 1
        put(file, originals[file])
    print(pack_path.suffix, dict(outcomes))
    assert outcomes["refused at open"] and outcomes["named at read"] and outcomes["identical"]


def put(file: Path, data: bytes | bytearray) -> None:
    """A new file of that name, since maps of the old one may still be alive."""
    file.unlink(missing_ok=True)
    file.write_bytes(data)


def outcome(path: Path, expected: Values, what: str) -> str:
    try:
        pack = open_pack(path)
    except PackError:
        return "refused at open"
    with pack:
        found = everything(pack)
    wrong = [name for name, value in found.items() if value != expected.get(name)]
    assert not wrong, f"{what} of {path.name} changed {wrong[:5]} without an error"
    return "identical" if len(found) == len(expected) else "named at read"


@pytest.mark.parametrize("suffix", [".lmdb", ".h5"])
def test_files_of_another_pack_are_not_mixed_in(tmp_path: Path, suffix: str) -> None:
    one = write_pack(tmp_path / f"one{suffix}", 10)
    other = write_pack(tmp_path / f"other{suffix}", 10, options={"made": "twice"})
    with open_pack(one) as pack, open_pack(other) as second:
        expected = [everything(pack), everything(second)]
    for file in files_of(one):
        kept = file.read_bytes()
        replacement = other / file.name if one.is_dir() else other
        put(file, replacement.read_bytes())
        try:
            with open_pack(one) as mixed:
                found = everything(mixed)
        except PackError:
            found = {}
        assert any(found.items() <= whole.items() for whole in expected), file.name
        put(file, kept)


def test_every_byte_of_the_user_block(tmp_path: Path) -> None:
    path = write_pack(tmp_path / "a.h5", 4)
    data = path.read_bytes()
    magic = data.index(b"\x1a") + 1
    for at in range(magic, 60):
        put(path, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(PackError):
            open_pack(path)


@pytest.mark.parametrize("name", ["manifest.json", "offsets.bin", "data.mdb"])
def test_a_file_that_is_gone(tmp_path: Path, name: str) -> None:
    path = write_pack(tmp_path / "a.lmdb", 10)
    with open_pack(path) as pack:
        expected = everything(pack)
    (path / name).unlink()
    try:
        with open_pack(path) as pack:
            assert everything(pack) == expected and name == "manifest.json"
    except PackError as error:
        assert name != "manifest.json" and name in str(error)


def test_a_pack_error_survives_pickling(tmp_path: Path) -> None:
    path = write_pack(tmp_path / "a.h5", 3)
    os.truncate(path, 3000)
    with pytest.raises(PackError) as caught:
        open_pack(path)
    assert type(again(caught.value)) is type(caught.value)
    shutil.rmtree(tmp_path)
