"""Class folders, split folders and flat folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from converting import class_folders, content, write_image

from fastdata.converters import convert
from fastdata.errors import InputError, UnsafeFile, UsageError
from fastdata.packs import open_pack


def test_class_folders_become_sorted_labels(tmp_path: Path) -> None:
    class_folders(tmp_path / "in", 2, ("zebra", "ant", "Bee"))
    summary = convert(tmp_path / "in", tmp_path / "o.lmdb", codec="keep", workers=0)
    assert summary.layout == "imagefolder"
    assert summary.layout_reason == "found 3 class folder(s)"
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert list(pack.schema) == ["image", "label"]
        assert pack.schema["label"].classes == ("Bee", "ant", "zebra")
        assert pack.column("label").tolist() == [0, 0, 1, 1, 2, 2]
        assert [pack.key(i) for i in (0, 5)] == ["Bee/0.jpg", "zebra/1.jpg"]
        stored = bytes(pack.records("image", [0])[0])
    assert stored == (tmp_path / "in/Bee/0.jpg").read_bytes()


def test_splits_become_a_column_to_choose_by(tmp_path: Path) -> None:
    class_folders(tmp_path / "in/train", 3)
    class_folders(tmp_path / "in/val", 1, ("bee", "cow"))
    summary = convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0)
    assert summary.layout_reason == "found class folders under train, val"
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert pack.schema["label"].classes == ("ant", "bee", "cow")
        assert pack.schema["split"].classes == ("train", "val")
        assert len(pack.subset(split="train")) == 6
        assert pack.subset(split="val").column("label").tolist() == [1, 2]


def test_splits_without_classes_and_flat_folders(tmp_path: Path) -> None:
    for name in ("train/a.jpg", "test/b.jpg"):
        write_image(tmp_path / "in" / name)
    write_image(tmp_path / "flat/a.jpg")
    write_image(tmp_path / "flat/b")
    assert list(convert(tmp_path / "in", tmp_path / "a.h5", workers=0).schema) == ["image", "split"]
    summary = convert(tmp_path / "flat", tmp_path / "b.h5", workers=0)
    assert (list(summary.schema), summary.count) == (["image"], 2)


def test_folders_inside_a_class_belong_to_it(tmp_path: Path) -> None:
    write_image(tmp_path / "in/cat/deep/er/a.jpg")
    convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0)
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert pack.key(0) == "cat/deep/er/a.jpg"


def test_every_file_of_a_class_counts_and_strays_are_told(tmp_path: Path) -> None:
    class_folders(tmp_path / "in", 2)
    (tmp_path / "in/README").write_text("about")
    (tmp_path / "in/ant/notes.txt").write_text("about ants")
    (tmp_path / "in/ant/.hidden").touch()
    (tmp_path / "in/ant/Thumbs.db").touch()
    with pytest.raises(InputError, match=r"ant/notes\.txt: looks like text"):
        convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0)
    summary = convert(tmp_path / "in", tmp_path / "o.lmdb", codec="keep", workers=0, on_bad="skip")
    assert (summary.inputs, summary.count, summary.rejected) == (5, 4, 1)
    assert summary.notes == ("not converted: 1 file(s) beside the class folders (README)",)


def test_a_class_folder_without_files_keeps_its_id(tmp_path: Path) -> None:
    write_image(tmp_path / "in/b/x.jpg")
    (tmp_path / "in/a").mkdir()
    convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0)
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert pack.column("label").tolist() == [1]


def test_a_folder_beside_train_leaves_the_meaning_open(tmp_path: Path) -> None:
    class_folders(tmp_path / "in/train", 1)
    class_folders(tmp_path / "in/extra", 1)
    with pytest.raises(UsageError, match="'extra' stands beside train"):
        convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0)


def test_grayscale_is_a_choice(tmp_path: Path) -> None:
    class_folders(tmp_path / "in", 1)
    convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0, channels=1)
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert pack[0].image.shape == (16, 24, 1)


@pytest.mark.parametrize(
    "name",
    [b"\xff\xfe.jpg", b"x" * 251 + b".jpg", "\U0001f600.jpg".encode(), b"a\nb.jpg", b"\xe9t\xe9"],
)
@pytest.mark.parametrize("suffix", ["lmdb", "h5"])
def test_file_names_of_any_bytes(name: bytes, suffix: str, tmp_path: Path) -> None:
    data = write_image(tmp_path / "in/a/plain.jpg")
    folder = os.fsencode(tmp_path / "in/a")
    for path in (os.path.join(folder, name), os.path.join(folder, name[:-5] + b"-bad")):
        with open(path, "wb") as file:
            file.write(b"" if path.endswith(b"-bad") else data)
    summary = convert(tmp_path / "in", tmp_path / f"o.{suffix}", workers=0, on_bad="skip")
    assert (summary.count, summary.rejected) == (2, 1)
    with open_pack(tmp_path / f"o.{suffix}") as pack:
        assert os.fsdecode(b"a/" + name) in [pack.key(i) for i in range(2)]


def test_links_stay_inside_and_loops_end(tmp_path: Path) -> None:
    class_folders(tmp_path / "in", 1)
    write_image(tmp_path / "elsewhere/c.jpg")
    (tmp_path / "in/ant/inside.jpg").symlink_to("../bee/0.jpg")
    (tmp_path / "in/ant/out.jpg").symlink_to(tmp_path / "elsewhere/c.jpg")
    (tmp_path / "in/ant/self.jpg").symlink_to("self.jpg")
    summary = convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0, on_bad="skip")
    assert (summary.count, summary.rejected) == (3, 2)
    assert summary.rejects_by_error == {"UnsafeFile": 1, "InputError": 1}
    allowed = {"allow_outside": True, "on_bad": "skip", "workers": 0}
    assert convert(tmp_path / "in", tmp_path / "p.lmdb", **allowed).count == 4
    assert len(content(tmp_path / "p.lmdb")) == 4
    (tmp_path / "in/bee/back").symlink_to("../../in")
    with pytest.raises(UnsafeFile, match="links back"):
        convert(tmp_path / "in", tmp_path / "q.lmdb", workers=0)
    (tmp_path / "in/bee/back").unlink()
    (tmp_path / "in/bee/away").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafeFile, match="outside the source folder"):
        convert(tmp_path / "in", tmp_path / "q.lmdb", workers=0)


def test_a_fifo_among_the_images_is_rejected_at_once(tmp_path: Path) -> None:
    class_folders(tmp_path / "in", 1)
    os.mkfifo(tmp_path / "in/ant/pipe.jpg")
    summary = convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0, on_bad="skip")
    assert summary.rejects_by_error == {"UnsafeFile": 1}
