"""The pack contract: what was written is what is read, in every way there is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from packbase import COUNT, PackBase
from packcopies import data_file
from packsamples import EVERY_KIND, SERIES, kept, key, sample

from fastdata.errors import (
    UsageError,
)
from fastdata.packs import Pack, create_pack, open_pack
from fastdata.schema import Array, Image, Label, Schema


class PackReading(PackBase):
    """Values, types, columns, gathers and parts."""

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
