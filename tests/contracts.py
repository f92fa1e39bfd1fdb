"""One shared test set for each contract; every implementation inherits it and adds nothing to pass.

`PackContract` runs over the LMDB and the HDF5 backend.
"""

from __future__ import annotations

import copy
import gc
import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from packsamples import EVERY_KIND, SERIES, digest, kept, key, sample, write_pack

from fastdata.errors import (
    InputError,
    LabelError,
    PackCorrupt,
    PackError,
    PackIncomplete,
    StorageError,
    UsageError,
)
from fastdata.packs import Pack, create_pack, open_pack
from fastdata.schema import Array, Image, Label, Mask, Scalar, Schema, Text

COUNT = 50


class PackContract:
    """What holds for packs of every backend."""

    suffix: ClassVar[str]

    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return write_pack(tmp_path_factory.mktemp("pack") / f"every{cls.suffix}", COUNT)

    @pytest.fixture
    def pack(self, path: Path) -> Iterator[Pack]:
        with open_pack(path) as pack:
            yield pack

    # What was written is what is read.

    def test_samples_come_back_in_order(self, pack: Pack) -> None:
        assert len(pack) == len(kept(COUNT))
        for index, number in enumerate(kept(COUNT)):
            found, written = pack[index], sample(number)
            assert pack.key(index) == key(number)
            assert found.label == written["label"] and found.code == written["code"]
            assert found.caption == written["caption"]
            assert found.severity == written["severity"]
            np.testing.assert_array_equal(found.image, written["free"])
            np.testing.assert_array_equal(found.free, written["free"])
            np.testing.assert_array_equal(found.gray, written["gray"])
            np.testing.assert_array_equal(found.mask, written["mask"])
            np.testing.assert_array_equal(found.boundary, written["boundary"])
            np.testing.assert_array_equal(found.depth, written["depth"])
            np.testing.assert_array_equal(found.vector, written["vector"])
            start = written["window"]
            np.testing.assert_array_equal(found.window, SERIES[start : start + 6])

    def test_types_and_shapes(self, pack: Pack) -> None:
        found = pack[3]
        assert type(found).__name__ == "Sample" and found._fields == tuple(EVERY_KIND)
        assert found.image.dtype == np.uint8 and found.image.shape[2] == 3
        assert found.gray.shape == (16, 24, 1)
        assert found.boundary.dtype == np.float32
        assert isinstance(found.label, np.int64) and isinstance(found.code, np.int16)
        assert found.vector.dtype == np.float64 and isinstance(found.caption, str)
        for array in (found.image, found.gray, found.free, found.depth, found.window):
            assert array.flags.writeable and array.flags.owndata | (array.base is not None)

    def test_source_bytes_are_stored_untouched(self, pack: Pack) -> None:
        assert bytes(pack.records("image", [1])[0]) == sample(1)["image"]

    def test_facts(self, pack: Pack, path: Path) -> None:
        assert pack.schema == EVERY_KIND
        assert pack.info.source == "made up" and pack.info.path == path
        rejected = [number for number in range(COUNT) if number % 10 == 9]
        assert pack.info.rejects == tuple((key(n), f"reason {n}") for n in rejected)
        assert pack.info.count + len(pack.info.rejects) == COUNT

    def test_indices(self, pack: Pack) -> None:
        assert pack[-1].caption == pack[len(pack) - 1].caption
        assert pack[np.int64(2)].caption == pack[2].caption
        for beyond in (len(pack), -len(pack) - 1):
            with pytest.raises(IndexError, match=f"of a pack of {len(pack)} samples"):
                pack[beyond]
        with pytest.raises(IndexError):
            pack.gather("depth", [0, len(pack)])
        with pytest.raises(IndexError):
            pack.records("image", [len(pack)])
        with pytest.raises(IndexError, match="expected integers"):
            pack.gather("depth", [0.5])
        assert len(list(pack)) == len(pack)

    def test_several_samples_at_once(self, pack: Pack) -> None:
        for found, index in zip(pack.__getitems__([5, 0, 5, -1]), [5, 0, 5, -1], strict=True):
            assert found.caption == pack[index].caption
            np.testing.assert_array_equal(found.depth, pack[index].depth)
        assert pack.__getitems__([]) == []

    # Whole-array access.

    def test_columns_are_read_only_views(self, pack: Pack) -> None:
        column = pack.column("severity")
        np.testing.assert_array_equal(column, np.array([n / 3 for n in kept(COUNT)], np.float32))
        assert not column.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1
        with pytest.raises(UsageError, match="stored as records, not as a column"):
            pack.column("image")
        with pytest.raises(UsageError, match="has no field 'nothing'; it has image, mask"):
            pack.column("nothing")

    def test_gather(self, pack: Pack) -> None:
        wanted = np.array([7, 0, 0, len(pack) - 1, -2])
        numbers = [kept(COUNT)[i] for i in wanted]
        depth = pack.gather("depth", wanted)
        assert depth.shape == (5, 9, 5) and depth.dtype == np.dtype("<f4")
        np.testing.assert_array_equal(depth, [sample(n)["depth"] for n in numbers])
        np.testing.assert_array_equal(
            pack.gather("gray", wanted), [sample(n)["gray"] for n in numbers]
        )
        starts = [sample(n)["window"] for n in numbers]
        np.testing.assert_array_equal(
            pack.gather("window", wanted), [SERIES[s : s + 6] for s in starts]
        )
        np.testing.assert_array_equal(pack.starts("window")[wanted], starts)
        np.testing.assert_array_equal(pack.gather("label", wanted), [n % 2 for n in numbers])
        assert pack.gather("depth", []).shape == (0, 9, 5)
        with pytest.raises(UsageError, match=r"use records\('image', indices\)"):
            pack.gather("image", wanted)

    def test_row_sources_locate_values_in_the_map(self, pack: Pack) -> None:
        for name in ("depth", "gray", "window"):
            source = pack.row_source(name)
            start = int(source.offsets(np.array([4]))[0])
            raw = source.bytes[start : start + source.row_bytes].view(source.dtype)
            np.testing.assert_array_equal(raw.reshape(source.shape), pack.gather(name, [4])[0])
            with pytest.raises(IndexError):
                source.offsets(np.array([len(pack)]))

    def test_columns_and_indices_are_views_and_not_copies(self, tmp_path: Path) -> None:
        schema = Schema({"label": Label(), "row": Array(shape=(30,)), "image": Image(codec="raw")})
        values = {"row": np.zeros(30), "image": np.zeros((2, 2, 3), np.uint8)}
        with create_pack(tmp_path / f"a{self.suffix}", schema) as writer:
            for index in range(3000):
                writer.add(f"{index}.png", label=index, **values)
        with open_pack(tmp_path / f"a{self.suffix}") as pack:
            whole_file = pack.row_source("row").bytes
            assert len(whole_file) == data_file(pack.path).stat().st_size
            assert np.shares_memory(pack.column("label"), whole_file)
            assert np.shares_memory(pack.sizes("image"), whole_file)
            units = pack._readers["image"].units
            assert units is not None
            assert np.shares_memory(units.crcs, whole_file)
            assert np.shares_memory(units.lengths, whole_file)
            assert not units.offsets.flags.owndata and pack.column("label")[2999] == 2999

    def test_series_is_one_view(self, pack: Pack) -> None:
        series = pack.series("window")
        np.testing.assert_array_equal(series, SERIES)
        assert not series.flags.writeable and not series.flags.owndata

    def test_records_are_views_of_the_map(self, pack: Pack) -> None:
        first, again = pack.records("image", [2]), pack.records("image", [2])
        assert first[0].readonly and first[0].obj is again[0].obj

    def test_sizes(self, pack: Pack) -> None:
        numbers = kept(COUNT)
        expected = [(20 + n % 5, 30 + n % 3) for n in numbers]
        for name in ("image", "mask", "boundary", "free"):
            np.testing.assert_array_equal(pack.sizes(name), expected)
        np.testing.assert_array_equal(pack.sizes("gray"), [(16, 24)] * len(numbers))
        with pytest.raises(UsageError, match="has no pixels"):
            pack.sizes("label")

    # Parts and functions.

    def test_subset(self, pack: Pack) -> None:
        view = pack.subset(split="val", label=0)
        numbers = [n for n in kept(COUNT) if n % 5 == 0 and n % 2 == 0]
        assert [view.key(i) for i in range(len(view))] == [key(n) for n in numbers]
        assert view[-1].caption == sample(numbers[-1])["caption"]
        np.testing.assert_array_equal(view.column("code"), [n - 7 for n in numbers])
        assert view.sizes("image").shape == (len(numbers), 2)
        assert len(view.subset(code=-7)) == 1 and len(view.subset(code=30000)) == 0
        assert view.schema is pack.schema and view.sample_type is pack.sample_type
        with pytest.raises(UsageError, match=r"no class 'test'.*it has train, val"):
            pack.subset(split="test")
        with pytest.raises(UsageError, match=r"cannot select by 'image'.*label, split"):
            pack.subset(image=1)
        with pytest.raises(IndexError):
            view[len(view)]

    def test_map(self, pack: Pack) -> None:
        mapped = pack.map(lambda found: found.label * 10)
        assert len(mapped) == len(pack) and mapped[1] == 10 and mapped.dataset is pack
        assert mapped.__getitems__([0, 1]) == [0, 10]
        assert pack.subset(label=1).map(lambda found: found.code)[0] == -6

    # Processes and threads.

    def test_pickle_opens_again(self, pack: Pack, path: Path) -> None:
        other = again(pack)
        assert digest(other) == digest(pack) and other.verify_mode == pack.verify_mode
        found = again(pack[4])
        assert type(found) is pack.sample_type and found.caption == pack[4].caption
        assert copy.copy(pack[4]).label == pack[4].label
        view = again(pack.subset(label=1))
        assert view[0].caption == pack.subset(label=1)[0].caption

    def test_pickle_travels_to_a_spawned_process(self, pack: Pack, tmp_path: Path) -> None:
        (tmp_path / "pickle").write_bytes(pickle.dumps(pack))
        program = (
            "import pickle, sys; sys.path[:0] = [sys.argv[2]]; from packsamples import digest;"
            "print(digest(pickle.load(open(sys.argv[1], 'rb'))))"
        )
        command = [sys.executable, "-c", program, tmp_path / "pickle", Path(__file__).parent]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert found.strip() == digest(pack)

    def test_pickle_refuses_a_replaced_pack(self, tmp_path: Path) -> None:
        path = write_pack(tmp_path / f"a{self.suffix}", 3)
        pack = open_pack(path)
        write_pack(path, 3, overwrite=True)
        with pytest.raises(PackError, match="was replaced by another pack"):
            again(pack)

    def test_forked_readers_see_the_same(self, pack: Pack) -> None:
        expected = digest(pack)
        children = []
        for _ in range(4):
            reading, writing = os.pipe()
            child = os.fork()
            if not child:
                try:
                    os.write(writing, digest(pack).encode())
                finally:
                    os._exit(0)
            os.close(writing)
            children.append((child, reading))
        assert digest(pack) == expected
        for child, reading in children:
            with os.fdopen(reading) as pipe:
                assert pipe.read() == expected
            assert os.waitpid(child, 0)[1] == 0

    def test_threads_read_at_once(self, path: Path) -> None:
        expected, found = digest(open_pack(path)), []
        pack = open_pack(path)
        threads = [threading.Thread(target=lambda: found.append(digest(pack))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [expected] * 4

    # Replacing and closing.

    def test_a_reader_keeps_its_pack_while_it_is_replaced(self, tmp_path: Path) -> None:
        path = write_pack(tmp_path / f"a{self.suffix}", 12)
        before = open_pack(path)
        expected = digest(before)
        untouched = open_pack(path)
        write_pack(path, 25, overwrite=True)
        assert digest(untouched) == digest(before) == expected
        assert len(open_pack(path)) == len(kept(25))
        assert os.listdir(tmp_path) == [path.name]

    def test_opening_while_it_is_replaced_again_and_again(self, tmp_path: Path) -> None:
        path = write_pack(tmp_path / f"a{self.suffix}", 4)
        expected = {digest(open_pack(path))}
        write_pack(path, 7, overwrite=True)
        expected.add(digest(open_pack(path)))
        child = os.fork()
        if not child:
            try:
                for number in range(20):
                    write_pack(path, 4 if number % 2 else 7, overwrite=True)
            finally:
                os._exit(0)
        found, opened = set(), 0
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            with open_pack(path) as pack:
                found.add(digest(pack))
                opened += 1
        assert found <= expected and opened > 5

    def test_an_existing_pack_is_not_replaced_unasked(self, tmp_path: Path) -> None:
        path = write_pack(tmp_path / f"a{self.suffix}", 3)
        with pytest.raises(UsageError, match=r"exists; use --overwrite"):
            write_pack(path, 4)
        assert len(open_pack(path)) == 3
        assert os.listdir(tmp_path) == [path.name]

    def test_closed(self, path: Path) -> None:
        with open_pack(path) as pack:
            kept_view = pack.column("label")
        with pytest.raises(UsageError, match="is closed; open it again"):
            pack[0]
        assert kept_view[0] == 0

    def test_nothing_is_left_open(self, path: Path) -> None:
        gc.collect()
        gc.disable()
        try:
            before = os.listdir("/proc/self/fd")
            for _ in range(3):
                with open_pack(path) as pack:
                    digest(pack)
            del pack
            assert os.listdir("/proc/self/fd") == before
            maps = Path("/proc/self/maps").read_bytes()
            assert os.fsencode(data_file(path)) not in maps
        finally:
            gc.enable()

    # Writing.

    def test_an_exception_keeps_the_partial_pack(self, tmp_path: Path) -> None:
        path = tmp_path / f"a{self.suffix}"
        with (
            pytest.raises(ZeroDivisionError),
            create_pack(path, Schema({"label": Label()})) as writer,
        ):
            writer.add(label=3)
            raise ZeroDivisionError
        assert not path.exists()
        with pytest.raises(PackIncomplete, match=r"only .*\.partial is there; .*--resume"):
            open_pack(path)
        with pytest.raises(PackIncomplete):
            open_pack(path.with_name(path.name + ".partial"))
        with create_pack(path, Schema({"label": Label()}), resume=True) as writer:
            assert writer.position == 1
            writer.add(label=4)
        assert open_pack(path).column("label").tolist() == [3, 4]

    def test_a_resume_of_something_else_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / f"a{self.suffix}"
        writer = create_pack(path, Schema({"label": Label()}))
        writer.add(label=3)
        writer.checkpoint()
        writer.close()
        with pytest.raises(UsageError, match="was begun with another schema"):
            create_pack(path, Schema({"label": Scalar()}), resume=True)
        with pytest.raises(UsageError, match="another source and options"):
            create_pack(path, Schema({"label": Label()}), resume=True, source="x", options={"a": 1})
        with create_pack(path, Schema({"label": Label()})) as anew:
            assert anew.position == 0
            anew.add(label=9)
        assert open_pack(path).column("label").tolist() == [9]

    def test_bad_values_are_named_and_leave_no_trace(self, tmp_path: Path) -> None:
        schema = Schema(
            {
                "image": Image(),
                "mask": Mask(classes=("a", "b")),
                "label": Label(classes=("x",)),
                "code": Scalar(dtype="uint8"),
                "vector": Array(shape=(3,)),
                "text": Text(),
            }
        )
        good = {
            "image": np.zeros((4, 5, 3), np.uint8),
            "mask": np.zeros((4, 5), np.uint8),
            "label": 0,
            "code": 1,
            "vector": np.zeros(3),
            "text": "",
        }
        bad = [
            ("image", np.zeros((4, 5), np.uint8), InputError, "expected uint8"),
            ("image", b"<html>", InputError, "looks like an HTML page"),
            ("image", np.zeros((4, 6, 3), np.uint8), LabelError, r"\(4, 5\).*\(4, 6\)"),
            ("mask", np.full((4, 5), 2), LabelError, "class id 2; expected 0..1"),
            ("label", 1, LabelError, "class id 1; there are 1 classes"),
            ("label", "y", LabelError, "unknown class 'y'"),
            ("label", -1, LabelError, "no whole number"),
            ("label", 0.5, LabelError, "no whole number"),
            ("code", 256, InputError, "do not fit uint8"),
            ("code", 0.5, InputError, "do not fit uint8"),
            ("vector", np.zeros(4), InputError, r"shape \(4,\); expected \(3,\)"),
            ("vector", np.full(3, 1e300), InputError, "do not fit float32"),
            ("text", 3, InputError, "expected a string"),
        ]
        with create_pack(tmp_path / f"a{self.suffix}", schema) as writer:
            writer.add("good.png", **good)
            for name, value, kind, words in bad:
                with pytest.raises(kind, match=words) as caught:
                    writer.add("bad.png", **good | {name: value})
                assert "bad.png" in str(caught.value)
            with pytest.raises(UsageError, match="the schema wants"):
                writer.add("bad.png", image=good["image"])
        assert len(open_pack(tmp_path / f"a{self.suffix}")) == 1

    def test_an_empty_pack(self, tmp_path: Path) -> None:
        path = tmp_path / f"a{self.suffix}"
        with create_pack(path, EVERY_KIND) as writer:
            writer.set_series("window", SERIES[:0])
            writer.reject("a.png", "empty file")
        with open_pack(path) as pack:
            assert len(pack) == 0 and pack.verify().ok
            assert pack.gather("depth", []).shape == (0, 9, 5)
            assert pack.info.rejects == (("a.png", "empty file"),)

    def test_names_in_any_encoding(self, tmp_path: Path) -> None:
        path, name = tmp_path / f"a{self.suffix}", os.fsdecode(b"\xff caf\xe9 \n.png")
        with create_pack(path, Schema({"text": Text()})) as writer:
            writer.add(name, text=name)
            writer.add(text="")
            writer.reject(name, "reason")
        with open_pack(path) as pack:
            assert pack.key(0) == name and pack[0].text == name
            assert pack.key(1) == "sample 1" and pack[1].text == ""
            assert pack.info.rejects == ((name, "reason"),)

    def test_a_field_of_the_longest_name(self, tmp_path: Path) -> None:
        path, name = tmp_path / f"a{self.suffix}", "ü" * 240
        with create_pack(path, Schema({name: Text()})) as writer:
            writer.add(**{name: "a"})
        assert getattr(open_pack(path)[0], name) == "a"
        with pytest.raises(UsageError, match="reserved or longer"):
            create_pack(tmp_path / f"b{self.suffix}", Schema({name + "ü": Text()}))

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


def again(value: Any) -> Any:
    """The value after a journey to another process and back."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301


def data_file(path: Path) -> Path:
    """The file of a pack that holds its records."""
    return path / "data.mdb" if path.is_dir() else path


def copy_of(path: Path, folder: Path) -> Path:
    target = folder / path.name
    if path.is_dir():
        shutil.copytree(path, target)
    else:
        shutil.copyfile(path, target)
    return target


def place_of(path: Path, name: str, index: int) -> int:
    """Byte at which the value of a sample begins in the data file, found by its contents."""
    with open_pack(path) as pack:
        storage = pack.schema[name].storage
        stored = (
            bytes(pack.records(name, [index])[0])
            if storage == "records"
            else pack.gather(name, [index]).tobytes()
        )
    data = data_file(path).read_bytes()
    assert data.count(stored) == 1
    return data.index(stored)


def damaged_copy(path: Path, folder: Path, name: str, index: int) -> tuple[Path, int]:
    """A copy with one bit flipped in a sample's value, or in a byte that belongs to none."""
    start = place_of(path, name, index) if name else 0
    target = copy_of(path, folder)
    with open(data_file(target), "r+b") as file:
        if not name:
            start = unused_byte(file.read())
        file.seek(start)
        byte = file.read(1)[0]
        file.seek(start)
        file.write(bytes([byte ^ 0x10]))
    return target, start


def unused_byte(data: bytes) -> int:
    """A byte of the backend's own structures: the name of a key in a leaf, or of a dataset."""
    for name in (b"0000000003/caption", b"\x06crc32c"):
        if name in data:
            return data.index(name)
    raise AssertionError("the pack holds no such name")
