"""Images with masks: folders, lists, classes, distance maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from converting import streets, write_image, write_mask
from PIL import Image

from fastdata.converters import convert
from fastdata.distance import boundary, signed
from fastdata.errors import InputError, LabelError, UnsafeFile, UsageError
from fastdata.packs import open_pack

QUICK = {"workers": 0}


def test_folders_are_matched_and_classes_found(tmp_path: Path) -> None:
    streets(tmp_path / "in", 3, classes=4)
    summary = convert(tmp_path / "in", tmp_path / "o.lmdb", **QUICK)
    assert summary.layout_reason == "found the folders images/ and masks/"
    mask = summary.schema["mask"]
    assert (mask.classes, mask.dtype, mask.ignore_index) == (("0", "1", "2", "3"), "uint8", None)
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert pack.key(0) == "images/0.png"
        wanted = np.asarray(Image.open(tmp_path / "in/masks/0.png"))
        np.testing.assert_array_equal(pack[0].mask, wanted)


@pytest.mark.parametrize("suffix", ["lmdb", "h5"])
@pytest.mark.parametrize("codec", ["keep", "raw"])
def test_distance_maps_are_those_of_the_masks(suffix: str, codec: str, tmp_path: Path) -> None:
    streets(tmp_path / "in", 2)
    out = tmp_path / f"o.{suffix}"
    maps = ("boundary", "signed")
    summary = convert(tmp_path / "in", out, distance_maps=maps, codec=codec, truncate=6, **QUICK)
    assert list(summary.schema) == ["image", "mask", "boundary", "signed"]
    assert summary.schema["signed"].shape == (16, 24)
    with open_pack(out) as pack:
        for i in range(2):
            mask = np.asarray(Image.open(tmp_path / f"in/masks/{i}.png"))
            sample = pack[i]
            np.testing.assert_allclose(sample.boundary, boundary(mask, truncate=6), atol=0.01)
            np.testing.assert_allclose(sample.signed, signed(mask, 3, truncate=6), atol=0.01)


def test_resizing_comes_before_the_distances(tmp_path: Path) -> None:
    streets(tmp_path / "in", 1)
    out = tmp_path / "o.lmdb"
    convert(tmp_path / "in", out, distance_maps=["boundary"], resize="exact:8x12", **QUICK)
    with open_pack(out) as pack:
        sample = pack[0]
        assert sample.image.shape == (8, 12, 3)
        np.testing.assert_allclose(sample.boundary, boundary(sample.mask), atol=0.01)


def test_a_list_file_names_images_and_masks(tmp_path: Path) -> None:
    streets(tmp_path / "in", 3)
    lines = "\ufeffimages/2.png,masks/2.png\r\n\n# why\nimages/0.png, masks/0.png\n"
    (tmp_path / "in/pairs.txt").write_text(lines, encoding="utf-8")
    convert(tmp_path / "in/pairs.txt", tmp_path / "o.lmdb", **QUICK)
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert [pack.key(i) for i in range(len(pack))] == ["images/2.png", "images/0.png"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("images/1.png", r"pairs\.txt are bad.*: line 2: found 'images/1.png'; expected im"),
        ("images/1.png,", r"line 2: found"),
        ("a,b,c", r"line 2: found"),
        ("images/0.png,masks/1.png", r"line 2: lists images/0\.png again, after line 1"),
    ],
)
def test_bad_lines_of_a_list_are_named(line: str, words: str, tmp_path: Path) -> None:
    streets(tmp_path / "in", 2)
    path = tmp_path / "in/pairs.txt"
    path.write_text(f"images/0.png,masks/0.png\n{line}\n", encoding="utf-8")
    with pytest.raises(LabelError, match=words):
        convert(path, tmp_path / "o.lmdb", **QUICK)
    summary = convert(path, tmp_path / "o.lmdb", on_bad="skip", **QUICK)
    assert (summary.inputs, summary.count, summary.rejected) == (2, 1, 1)


def test_a_header_line_of_a_list_is_passed_over_and_noted(tmp_path: Path) -> None:
    streets(tmp_path / "in", 2)
    path = tmp_path / "in/pairs.txt"
    path.write_text("image,mask\nimages/0.png,masks/0.png\n", encoding="utf-8")
    summary = convert(path, tmp_path / "o.lmdb", codec="keep", **QUICK)
    assert summary.count == 1
    assert summary.notes == (f"line 1 of {path} is taken for a header: image,mask",)
    for name in ("image", "mask"):
        write_image(tmp_path / f"in/{name}.png", 4, 4)
        (tmp_path / f"in/{name}.png").rename(tmp_path / "in" / name)
    write_mask(tmp_path / "in/mask.png", np.zeros((4, 4)))
    (tmp_path / "in/mask.png").rename(tmp_path / "in/mask")
    assert convert(path, tmp_path / "p.lmdb", **QUICK).count == 2


def test_labels_of_boxes_are_told_from_masks(tmp_path: Path) -> None:
    write_image(tmp_path / "in/images/a.jpg")
    (tmp_path / "in/labels").mkdir()
    (tmp_path / "in/labels/a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    with pytest.raises(UsageError, match=r"labels/: holds annotations such as a\.txt; expected a"):
        convert(tmp_path / "in", tmp_path / "o.lmdb", **QUICK)


@pytest.mark.parametrize("name", ["/etc/hostname", "../secret.png"])
def test_a_list_cannot_lead_outside(name: str, tmp_path: Path) -> None:
    streets(tmp_path / "in", 1)
    write_image(tmp_path / "secret.png")
    (tmp_path / "in/pairs.txt").write_text(f"{name},masks/0.png\n", encoding="utf-8")
    with pytest.raises(UnsafeFile, match="--allow-outside"):
        convert(tmp_path / "in/pairs.txt", tmp_path / "o.lmdb", classes=3, **QUICK)


def test_missing_double_and_shared_masks_are_named(tmp_path: Path) -> None:
    streets(tmp_path / "in", 3)
    (tmp_path / "in/masks/0.png").unlink()
    write_mask(tmp_path / "in/masks/1.PNG", [[0]])
    write_image(tmp_path / "in/images/2.jpg")
    with pytest.raises(LabelError) as caught:
        convert(tmp_path / "in", tmp_path / "o.lmdb", **QUICK)
    words = str(caught.value)
    assert words.startswith(f"4 of 4 items in {tmp_path / 'in'} are bad; mend them, or")
    assert "0.png: has no mask; expected one named 0.png" in words
    assert "1.png: has 2 masks, 1.PNG and 1.png" in words
    assert "2.jpg: shares the mask 2.png with 2.png" in words


def test_masks_named_by_a_suffix_or_in_another_case(tmp_path: Path) -> None:
    for i, (image, mask) in enumerate([("a.jpg", "a_mask.png"), ("B.jpg", "b.png")]):
        write_image(tmp_path / "in/images" / image, 4, 4, seed=i)
        write_mask(tmp_path / "in/masks" / mask, np.full((4, 4), i))
    write_mask(tmp_path / "in/masks/spare.png", [[0]])
    summary = convert(tmp_path / "in", tmp_path / "o.lmdb", codec="keep", **QUICK)
    assert summary.notes == ("1 mask(s) belong to no file in images/ (spare.png)",)
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert [int(pack[i].mask[0, 0]) for i in range(2)] == [1, 0]


def test_a_mask_of_another_size_is_refused_with_both_sizes(tmp_path: Path) -> None:
    streets(tmp_path / "in", 2)
    write_mask(tmp_path / "in/masks/1.png", np.zeros((24, 16)))
    options = {"distance_maps": ("boundary",), **QUICK}
    with pytest.raises(LabelError, match=r"masks/1\.png.*24 x 16.*images/1\.png is 16 x 24"):
        convert(tmp_path / "in", tmp_path / "o.lmdb", **options)
    summary = convert(tmp_path / "in", tmp_path / "o.lmdb", on_bad="skip", **options)
    assert (summary.count, summary.rejects_by_error) == (1, {"LabelError": 1})


def test_an_id_beyond_the_given_classes_is_refused(tmp_path: Path) -> None:
    streets(tmp_path / "in", 1, classes=3)
    with pytest.raises(LabelError, match=r"images/0\.png.*class id 2; expected 0\.\.1"):
        convert(tmp_path / "in", tmp_path / "o.lmdb", classes=("road", "car"), **QUICK)


@pytest.mark.parametrize(
    ("ids", "classes", "ignore"), [((0, 1, 255), 2, 255), ((0, 254, 255), 256, None)]
)
def test_255_is_ignored_where_it_stands_alone(
    ids: tuple[int, ...], classes: int, ignore: int | None, tmp_path: Path
) -> None:
    write_image(tmp_path / "in/images/a.png", 1, 3)
    write_mask(tmp_path / "in/masks/a.png", [ids])
    mask = convert(tmp_path / "in", tmp_path / "o.lmdb", **QUICK).schema["mask"]
    assert (len(mask.classes), mask.ignore_index) == (classes, ignore)
    told = convert(tmp_path / "in", tmp_path / "p.lmdb", ignore_index=None, **QUICK).schema["mask"]
    assert (len(told.classes), told.ignore_index) == (256, None)


def test_splits_and_unusual_folder_names(tmp_path: Path) -> None:
    for split in ("train", "val"):
        streets(tmp_path / "in" / split, 2)
        (tmp_path / "in" / split / "images").rename(tmp_path / "in" / split / "photo")
    with pytest.raises(UsageError, match="expected the folders images/ and masks/, found"):
        convert(tmp_path / "in", tmp_path / "o.lmdb", layout="segmentation", **QUICK)
    options = {"folders": ("photo", "masks"), **QUICK}
    with pytest.raises(UsageError, match="say which with layout"):
        convert(tmp_path / "in", tmp_path / "o.lmdb", **options)
    summary = convert(tmp_path / "in", tmp_path / "o.lmdb", layout="segmentation", **options)
    assert (summary.layout, summary.count) == ("segmentation", 4)
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert len(pack.subset(split="val")) == 2


def test_turned_photos_need_masks_that_are_upright_too(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    write_image(tmp_path / "in/images/a.jpg", 8, 12, exif=turned)
    write_mask(tmp_path / "in/masks/a.png", np.zeros((12, 8)))
    convert(tmp_path / "in", tmp_path / "o.lmdb", distance_maps=("boundary",), **QUICK)
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert pack[0].image.shape[:2] == pack[0].mask.shape == (12, 8)
    write_mask(tmp_path / "in/masks/a.png", np.zeros((8, 12)))
    with pytest.raises(LabelError, match="both must have the same size"):
        convert(tmp_path / "in", tmp_path / "p.lmdb", **QUICK)


def test_distance_maps_need_masks(tmp_path: Path) -> None:
    write_image(tmp_path / "in/a/a.jpg")
    with pytest.raises(UsageError, match="only for segmentation and table"):
        convert(tmp_path / "in", tmp_path / "o.lmdb", distance_maps=("signed",), **QUICK)
    (tmp_path / "in/t.csv").write_text("image,x\na/a.jpg,1\n", encoding="utf-8")
    with pytest.raises(UsageError, match="the table layout found none"):
        convert(tmp_path / "in/t.csv", tmp_path / "o.lmdb", distance_maps=("signed",), **QUICK)


def test_a_colour_mask_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "in/images/a.png", 4, 4)
    write_image(tmp_path / "in/masks/a.png", 4, 4)
    with pytest.raises(InputError, match=r"masks/a\.png: the mask has mode RGB"):
        convert(tmp_path / "in", tmp_path / "o.lmdb", **QUICK)


def test_a_column_named_like_a_distance_map_keeps_its_name(tmp_path: Path) -> None:
    streets(tmp_path / "in", 2)
    text = "image,mask,boundary\nimages/0.png,masks/0.png,1\nimages/1.png,masks/1.png,2\n"
    (tmp_path / "in/t.csv").write_text(text, encoding="utf-8")
    options = {"distance_maps": ("boundary",), **QUICK}
    summary = convert(tmp_path / "in/t.csv", tmp_path / "o.lmdb", **options)
    assert list(summary.schema) == ["image", "mask", "mask_boundary", "boundary"]
