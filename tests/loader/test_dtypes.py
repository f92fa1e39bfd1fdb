"""`dtype=` of the transforms: halves are float32 rounded once, whatever the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from engines_here import PLACES
from loader_checks import assert_same

from fastdata import FastLoader, create_pack, transforms
from fastdata.errors import UsageError
from fastdata.packs import Pack
from fastdata.schema import DistanceMap, Image, Mask, Schema

HALVES = [torch.float16, torch.bfloat16]
# Half the distance of two neighbouring halves, of numbers from 2 to 4.
HALF_A_STEP = {torch.float16: 2**-10, torch.bfloat16: 2**-7}
MEAN, STD = (0.48, 0.46, 0.41), (0.23, 0.22, 0.22)


def batches(source: Any, place: dict[str, str], dtype: Any) -> list[Any]:
    chain = [
        transforms.CenterCrop(20),
        transforms.HorizontalFlip(),
        transforms.Normalize(MEAN, STD, dtype),
    ]
    loader = FastLoader(source, 7, shuffle=True, seed=5, transforms=chain, num_workers=1, **place)
    assert loader.explain().engine == place["engine"]
    return list(loader)


@pytest.mark.parametrize("native", ["auto", "off"])
@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("place", PLACES)
def test_halves_are_float32_rounded_once(
    photos: Path,
    place: dict[str, str],
    dtype: torch.dtype,
    native: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FASTDATA_NATIVE", native)
    whole = batches(photos, place, "float32")
    for half, full in zip(batches(photos, place, dtype), whole, strict=True):
        assert (half.image.dtype, half.image.stride()) == (dtype, full.image.stride())
        apart = (half.image.double() - full.image.double()).abs().max()
        assert 0 < apart <= HALF_A_STEP[dtype] + 1e-6
        assert_same(half._replace(image=None), full._replace(image=None))


@pytest.mark.parametrize("dtype", HALVES)
def test_both_engines_of_the_core_give_the_same_halves(photos: Path, dtype: torch.dtype) -> None:
    one, other = (batches(photos, {"engine": engine}, dtype) for engine in ("torch", "cpu"))
    assert_same(one, other)


@pytest.mark.parametrize("dtype", HALVES)
def test_raw_images_and_single_samples_become_halves(grays: Path, dtype: torch.dtype) -> None:
    gray = transforms.ToFloat(dtype)
    (half,) = FastLoader(grays, 26, fields=["image"], transforms=gray)
    (full,) = FastLoader(grays, 26, fields=["image"], transforms=transforms.ToFloat())
    assert_same(half.image, full.image.to(dtype))
    singles = list(FastLoader(grays, None, fields=["image"], transforms=gray))
    assert_same([single.image for single in singles], list(half.image))


@pytest.mark.parametrize("place", PLACES)
def test_bad_samples_are_left_out_of_halves(photos: Path, place: dict[str, str]) -> None:
    chain = [transforms.RandomCrop(41), transforms.ToFloat("bfloat16")]
    options: dict[str, Any] = {"fields": ["image"], "transforms": chain, "num_workers": 1}
    loader = FastLoader(photos, 26, **options, **place, on_bad="skip")
    (batch,) = loader
    assert (batch.image.shape, batch.image.dtype) == ((25, 3, 41, 41), torch.bfloat16)
    assert [skip.sample for skip in loader.skipped] == [0]


@pytest.mark.parametrize("place", PLACES)
def test_distance_maps_stay_float32(tmp_path: Path, place: dict[str, str]) -> None:
    schema = Schema(
        {
            "image": Image(codec="png"),
            "mask": Mask(classes=("ground", "thing")),
            "far": DistanceMap(of="mask"),
        }
    )
    image = torch.randint(0, 256, (12, 12, 3), dtype=torch.uint8).numpy()
    with create_pack(tmp_path / "maps.lmdb", schema) as writer:
        writer.add(image=image, mask=image[..., 0] % 2, far=image[..., 0].astype("float32"))
    chain = transforms.ToFloat("float16")
    (batch,) = FastLoader(tmp_path / "maps.lmdb", transforms=chain, num_workers=0, **place)
    assert (batch.image.dtype, batch.far.dtype) == (torch.float16, torch.float32)


def test_functions_of_samples_get_float16_and_no_bfloat16(photo_pack: Pack) -> None:
    def types(samples: list[Any]) -> Any:
        return {str(sample.image.dtype) for sample in samples}

    options: dict[str, Any] = {"batch_size": 4, "num_workers": 0, "collate_fn": types}
    loader = FastLoader(photo_pack, transforms=transforms.ToFloat("float16"), **options)
    assert next(iter(loader)) == {"float16"}
    with pytest.raises(UsageError, match="NumPy has no bfloat16; give the transforms dtype"):
        FastLoader(photo_pack, transforms=transforms.ToFloat("bfloat16"), **options)
