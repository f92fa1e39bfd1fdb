"""JPEGs are transcoded on their way into a pack: the same pixels, ready to be cropped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from converting import class_folders, content, write_image
from jpegs import made_jpeg
from pictures import as_pillow_sees, exif, picture, saved, segment, with_segments
from PIL import Image as PillowImage

from fastdata.codecs import crop_jpeg, decode_image, encode_jpeg, transcode_jpeg
from fastdata.converters import ConvertOptions, convert
from fastdata.errors import InputError, UsageError
from fastdata.native.extension import compiled
from fastdata.packs import create_pack, open_pack
from fastdata.schema import Image, Schema

needs_core = pytest.mark.skipif(compiled() is None, reason="there is no compiled core here")


def records(path: Path) -> dict[str, bytes]:
    with open_pack(path) as pack:
        return {pack.key(i): bytes(pack.records("image", [i])[0]) for i in range(len(pack))}


@needs_core
def test_it_is_the_default_and_keeps_pixels_and_pngs(tmp_path: Path) -> None:
    source = tmp_path / "in"
    jpeg = write_image(source / "turned.jpg", 40, 60)
    (source / "turned.jpg").write_bytes(
        with_segments(jpeg, segment(0xE1, b"Exif\0\0" + exif(6) + bytes(500)))
    )
    write_image(source / "progressive.jpg", 64, 96, progressive=True)
    png = write_image(source / "picture.png", 40, 60)
    PillowImage.fromarray(picture(48, 64)).convert("CMYK").save(source / "cmyk.jpg")
    summary = convert(source, tmp_path / "o.lmdb", workers=0)
    assert (summary.schema["image"].codec, summary.notes) == ("jpeg-fast", ())  # type: ignore[attr-defined]
    stored = records(tmp_path / "o.lmdb")
    assert stored["picture.png"] == png
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert pack.info.options["codec"] == "jpeg-fast"
        for i, sample in enumerate(pack):
            data = (source / pack.key(i)).read_bytes()
            np.testing.assert_array_equal(sample.image, as_pillow_sees(data, 3), pack.key(i))
            if not pack.key(i).endswith("png"):
                assert stored[pack.key(i)] == transcode_jpeg(data)
                assert crop_jpeg(stored[pack.key(i)], (0, 0, 8, 8)).height < 40


@needs_core
def test_workers_and_a_resume_make_the_same_pack(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", 12)
    convert(root, tmp_path / "a.lmdb", workers=0)
    convert(root, tmp_path / "b.lmdb", codec="jpeg-fast", workers=2)
    (root / "bee/3.jpg").rename(tmp_path / "away.jpg")
    (root / "bee/3.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match="looks like text"):
        convert(root, tmp_path / "c.lmdb", workers=0)
    (tmp_path / "away.jpg").rename(root / "bee/3.jpg")
    assert convert(root, tmp_path / "c.lmdb", workers=0, resume=True).resumed_from
    assert content(tmp_path / "a.lmdb") == content(tmp_path / "b.lmdb")
    assert content(tmp_path / "a.lmdb") == content(tmp_path / "c.lmdb")


@needs_core
def test_resized_jpegs_are_transcoded_too(tmp_path: Path) -> None:
    write_image(tmp_path / "in/big.jpg", 120, 180)
    write_image(tmp_path / "in/big.png", 120, 180)
    convert(tmp_path / "in", tmp_path / "o.lmdb", resize="longest:90", quality=80, workers=0)
    stored = records(tmp_path / "o.lmdb")
    assert stored["big.png"][:4] == b"\x89PNG"
    assert b"\xff\xdd\0\4" in stored["big.jpg"]
    assert transcode_jpeg(stored["big.jpg"]) == stored["big.jpg"]


@needs_core
def test_a_pack_writer_takes_bytes_and_arrays(tmp_path: Path) -> None:
    pixels, schema = picture(40, 60), Schema({"image": Image(codec="jpeg-fast", quality=90)})
    jpeg, png = saved(pixels, "JPEG"), saved(pixels, "PNG")
    with create_pack(tmp_path / "o.h5", schema) as writer:
        for value in (jpeg, png, pixels):
            writer.add(image=value)
    with open_pack(tmp_path / "o.h5") as pack:
        stored = [bytes(record) for record in pack.records("image", range(3))]
        np.testing.assert_array_equal(pack[0].image, decode_image(jpeg, 3))
    assert stored == [transcode_jpeg(jpeg), png, transcode_jpeg(encode_jpeg(pixels, 90))]


def damaged() -> bytes:
    """A JPEG that libjpeg decodes with no more than a warning."""
    data = made_jpeg(64, 96, [(2, 2), (1, 1), (1, 1)], interval=2)
    at = data.index(b"\xff\xd3")
    data = data[: at - 6] + data[at:]
    as_pillow_sees(data, 3)
    return data


@needs_core
@pytest.mark.parametrize("codec", ["auto", "keep", "jpeg", "png", "raw"])
def test_damage_that_only_warns_is_a_reject_with_its_reason(codec: str, tmp_path: Path) -> None:
    write_image(tmp_path / "in/good.jpg")
    (tmp_path / "in/bad.jpg").write_bytes(damaged())
    for resize in (None, "longest:20"):
        summary = convert(
            tmp_path / "in", tmp_path / "o.lmdb", codec=codec, resize=resize, on_bad="skip",
            workers=0, overwrite=True,
        )  # fmt: skip
        assert (summary.count, summary.rejected) == (1, 1)
        assert summary.rejects_path is not None
        reject = json.loads(summary.rejects_path.read_text(encoding="utf-8"))
        assert reject["key"] == "bad.jpg" and "bad.jpg: the JPEG is damaged" in reject["reason"]


@needs_core
@pytest.mark.parametrize("codec", ["jpeg-fast", "keep", "raw"])
def test_a_pack_writer_refuses_damage_that_only_warns(codec: str, tmp_path: Path) -> None:
    with create_pack(tmp_path / "o.lmdb", Schema({"image": Image(codec=codec)})) as writer:  # type: ignore[arg-type]
        writer.add(image=picture(8, 8))
        with pytest.raises(InputError, match="the JPEG is damaged"):
            writer.add(image=damaged())


@needs_core
def test_sampling_that_no_decoder_takes_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "in/good.jpg")
    (tmp_path / "in/odd.jpg").write_bytes(made_jpeg(20, 20, [(3, 1), (2, 1), (1, 1)]))
    with pytest.raises(InputError, match=r"odd\.jpg: unsupported: JPEG with fractions"):
        convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0)


def test_without_a_core_the_default_is_keep_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTDATA_NATIVE", "off")
    data = write_image(tmp_path / "in/a.jpg")
    summary = convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0)
    assert summary.schema["image"].codec == "keep"  # type: ignore[attr-defined]
    assert (
        "stored as they are: codec jpeg-fast, the default, needs the compiled" in summary.notes[0]
    )
    assert records(tmp_path / "o.lmdb") == {"a.jpg": data}


def test_asking_for_it_without_a_core_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTDATA_NATIVE", "off")
    with pytest.raises(UsageError, match=r"codec is 'jpeg-fast' \(--codec\), which needs the comp"):
        convert(tmp_path / "nowhere", tmp_path / "o.lmdb", codec="jpeg-fast")
    schema = Schema({"image": Image(codec="jpeg-fast")})
    with pytest.raises(UsageError, match="field 'image' has codec 'jpeg-fast', which needs the"):
        create_pack(tmp_path / "o.lmdb", schema)


@needs_core
def test_a_pack_is_read_without_a_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_image(tmp_path / "in/a.jpg")
    convert(tmp_path / "in", tmp_path / "o.lmdb", workers=0)
    monkeypatch.setenv("FASTDATA_NATIVE", "off")
    with open_pack(tmp_path / "o.lmdb") as pack:
        np.testing.assert_array_equal(pack[0].image, decode_image(data, 3))


def test_the_default_is_left_open() -> None:
    assert ConvertOptions().codec == "auto"
