"""The pack contract: what a writer takes, and what it refuses."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from packbase import PackBase
from packsamples import EVERY_KIND, SERIES

from fastdata.errors import (
    InputError,
    LabelError,
    PackIncomplete,
    UsageError,
)
from fastdata.packs import create_pack, open_pack
from fastdata.schema import Array, Image, Label, Mask, Scalar, Schema, Text


class PackWriting(PackBase):
    """Writers of a backend."""

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
        with pytest.raises(UsageError, match=r"was begun with another schema \("):
            create_pack(path, Schema({"label": Scalar()}), resume=True)
        with pytest.raises(
            UsageError, match=r"another source \(then none, now x\) and options \(a\)"
        ):
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

    def test_the_last_steps_say_how_far_they_are(self, tmp_path: Path) -> None:
        path, told = tmp_path / f"a{self.suffix}", []
        schema = Schema({"image": Image(codec="raw"), "row": Array(shape=(600, 600))})
        with create_pack(path, schema, progress=lambda *state: told.append(state)) as writer:
            for _ in range(8):
                writer.add(image=np.zeros((600, 600, 3), np.uint8), row=np.zeros((600, 600)))
        assert [step for step, _, _ in told] == sorted(step for step, _, _ in told)
        for wanted in ("build", "check"):
            steps = [(done, total) for step, done, total in told if step == wanted]
            assert len(steps) >= 5
            assert steps == sorted(steps) and all(done <= total for done, total in steps)
            # The last word comes when all is done, and the words before it were no guesses.
            assert steps[-1][0] == steps[-1][1] >= 2 * 8 * 600 * 600 * (3 + 4)
            assert steps[-2][0] >= 0.9 * steps[-1][1]
        seen: list[tuple[int, int]] = []
        with open_pack(path) as pack:
            assert pack.verify(lambda done, total: seen.append((done, total))).ok
        assert seen == [(done, total) for step, done, total in told if step == "check"]

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
