"""The pack contract: damage is found and named."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from packbase import COUNT, PackBase
from packcopies import copy_of, damaged_copy, data_file, place_of
from packsamples import digest, kept, key

from fastdata.errors import (
    PackCorrupt,
    PackError,
    StorageError,
    UsageError,
)
from fastdata.packs import Pack, open_pack


class PackDamage(PackBase):
    """Damaged packs of a backend."""

    # Damage.

    def test_verify_finds_nothing_wrong(self, pack: Pack) -> None:
        report = pack.verify()
        assert report.ok and report.count == len(pack)
        assert report.checked_bytes > pack.info.data_bytes

    def test_damage_is_named(self, path: Path, tmp_path: Path) -> None:
        target, start = damaged_copy(path, tmp_path, "image", 7)
        with open_pack(target) as pack:
            assert pack[6].label == 0
            with pytest.raises(PackCorrupt, match=r"field 'image' of sample 7 of .*CRC32C is"):
                pack[7]
            with pytest.raises(PackCorrupt):
                pack.records("image", [7])
            problems = pack.verify().problems
            assert [(p.key, p.field) for p in problems] == [(key(kept(COUNT)[7]), "image")]
        assert start > 0

    def test_bytes_between_the_records_are_verified(self, path: Path, tmp_path: Path) -> None:
        target, _ = damaged_copy(path, tmp_path, "", 0)
        with open_pack(target) as pack:
            assert digest(pack) == digest(open_pack(path))
            (problem,) = pack.verify().problems
            assert problem.key is None and "all samples are whole" in problem.reason

    @pytest.mark.parametrize("name", ["image", "depth", "window"])
    def test_first_read_or_every_read(self, path: Path, tmp_path: Path, name: str) -> None:
        target, start = copy_of(path, tmp_path), place_of(path, name, 4)
        first, always = open_pack(target), open_pack(target, verify="always")
        first.check(name, [4])
        always.check(name, [4])
        with open(data_file(target), "r+b") as file:
            file.seek(start)
            byte = file.read(1)[0]
            file.seek(start)
            file.write(bytes([byte ^ 1]))
        first.check(name, [4])
        with pytest.raises(PackCorrupt):
            always.check(name, [4])
        with pytest.raises(PackCorrupt):
            open_pack(target).check(name, [4])
        with pytest.raises(UsageError, match="verify='never'"):
            open_pack(target, verify="never")  # type: ignore[arg-type]

    def test_a_cut_pack_is_refused_at_open(self, path: Path, tmp_path: Path) -> None:
        target = copy_of(path, tmp_path)
        file = data_file(target)
        size = file.stat().st_size
        cuts = {size - 1, size // 2, 8191, 4096, 513, 100, 1, 0}
        cuts |= set(np.random.default_rng(1).integers(0, size, 40).tolist())
        for cut in sorted(cuts, reverse=True):
            os.truncate(file, cut)
            with pytest.raises(PackError):
                open_pack(target)

    def test_an_extended_pack_is_refused_at_open(self, path: Path, tmp_path: Path) -> None:
        target = copy_of(path, tmp_path)
        with open(data_file(target), "ab") as file:
            file.write(bytes(4096))
        with pytest.raises(PackCorrupt, match=r"bytes, the manifest says \d+; restore it"):
            open_pack(target)

    def test_a_changed_manifest_is_refused_at_open(self, path: Path, tmp_path: Path) -> None:
        target = copy_of(path, tmp_path)
        file = target / "manifest.json" if target.is_dir() else target
        data = file.read_bytes()
        assert b'"made up"' in data
        file.write_bytes(data.replace(b'"made up"', b'"made op"'))
        with pytest.raises(PackCorrupt, match=r"the manifest of .* has CRC32C .*, it says"):
            open_pack(target)

    def test_a_missing_pack(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="there is no pack at") as caught:
            open_pack(tmp_path / f"none{self.suffix}")
        assert caught.value.errno == 2
