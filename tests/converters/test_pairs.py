"""Low- and high-quality pairs."""

from __future__ import annotations

from pathlib import Path

import pytest
from converting import write_image

from fastdata.converters import convert
from fastdata.errors import InputError, LabelError, UsageError
from fastdata.packs import open_pack


def pairs(root: Path, low: str, high: str, factor: int, count: int = 3) -> Path:
    for i in range(count):
        write_image(root / low / f"{i}.jpg", 8 + i, 10, seed=i)
        write_image(root / high / f"{i}.png", (8 + i) * factor, 10 * factor, seed=i)
    return root


@pytest.mark.parametrize(("low", "high"), [("low", "high"), ("LR", "HR"), ("blur", "sharp")])
def test_usual_names_are_recognised_and_the_factor_recorded(
    low: str, high: str, tmp_path: Path
) -> None:
    summary = convert(pairs(tmp_path / "in", low, high, 2), tmp_path / "o.lmdb", workers=0)
    assert (summary.layout, summary.scale, summary.count) == ("pairs", 2, 3)
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert pack.info.options["scale"] == 2
        assert pack[2].low.shape == (10, 10, 3) and pack[2].high.shape == (20, 20, 3)


def test_a_pair_of_another_factor_is_named_with_both_sizes(tmp_path: Path) -> None:
    pairs(tmp_path / "in", "low", "high", 2)
    write_image(tmp_path / "in/high/0.png", 24, 30)
    with pytest.raises(LabelError, match=r"high/0\.png: is 24 x 30.*expected 16 x 20.*2 times"):
        convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0)
    summary = convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0, on_bad="skip")
    assert (summary.count, summary.rejected) == (2, 1)
    with pytest.raises(LabelError, match="3 times"):
        convert(tmp_path / "in", tmp_path / "p.lmdb", workers=0, scale=3)


def test_swapped_folders_are_recognised(tmp_path: Path) -> None:
    words = r"\(low/0\.png is 16 x 20, high/0\.jpg is 8 x 10; .*the two folders are not swapped"
    with pytest.raises(InputError, match=words):
        convert(pairs(tmp_path / "in", "high", "low", 2), tmp_path / "o.lmdb", workers=0)


def test_names_of_super_resolution_sets_match(tmp_path: Path) -> None:
    write_image(tmp_path / "in/lr/0001x4.png", 4, 5)
    write_image(tmp_path / "in/hr/0001.png", 16, 20)
    assert convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0).scale == 4


def test_pairs_of_two_sizes_are_not_resized(tmp_path: Path) -> None:
    pairs(tmp_path / "in", "low", "high", 2)
    with pytest.raises(UsageError, match="differ by a factor of 2; leave resize out"):
        convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0, resize="longest:6")
    pairs(tmp_path / "same", "low", "high", 1)
    summary = convert(tmp_path / "same", tmp_path / "o.lmdb", workers=0, resize="exact:6x6")
    assert summary.schema["high"].shape == (6, 6)


def test_a_missing_partner_is_named(tmp_path: Path) -> None:
    pairs(tmp_path / "in", "low", "high", 1)
    (tmp_path / "in/high/1.png").unlink()
    with pytest.raises(LabelError, match=r"1\.jpg: has no high-quality image"):
        convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0)


def test_classes_called_low_and_high_are_classes(tmp_path: Path) -> None:
    for i in range(3):
        write_image(tmp_path / f"in/low/a{i}.jpg")
        write_image(tmp_path / f"in/high/b{i}.jpg")
    assert convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0).layout == "imagefolder"
    pairs(tmp_path / "three", "low", "high", 1)
    write_image(tmp_path / "three/medium/0.jpg")
    assert convert(tmp_path / "three", tmp_path / "p.lmdb", workers=0).layout == "imagefolder"
