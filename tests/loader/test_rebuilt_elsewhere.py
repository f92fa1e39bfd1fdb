"""What tools get that build a plain DataLoader from a loader's attributes, as Accelerate does."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from loader_checks import assert_same
from torch.utils.data import DataLoader, Subset, default_collate

from fastdata import FastLoader, transforms
from fastdata.errors import UsageError
from fastdata.packs import Pack, create_pack, open_pack
from fastdata.schema import DistanceMap, Image, Mask, Schema

CROPS = (transforms.RandomResizedCrop(20), transforms.HorizontalFlip())
FIXED = (transforms.Resize((20, 30)), transforms.CenterCrop(16), transforms.ToFloat())


def rebuilt(loader: FastLoader, **options: Any) -> list[Any]:
    return list(
        DataLoader(
            loader.dataset,
            batch_sampler=loader.batch_sampler,
            collate_fn=loader.collate_fn,
            **options,
        )
    )


def assert_alike(some: list[Any], others: list[Any]) -> None:
    """Equal, but for one level of 255 in images.

    Pillow rounds its weights by the distance from the edge of what it is given, and it is given
    decoded pixels by a window, but those of a file whole.
    """
    for one, other in zip(some, others, strict=True):
        torch.testing.assert_close(one.image, other.image, rtol=0, atol=1.001 / 255)
        assert one.image.stride() == other.image.stride()
        assert_same(one._replace(image=other.image), other)


@pytest.mark.parametrize("options", [{}, {"fields": ["label", "image", "mask", "name"]}])
def test_it_makes_the_same_batches(photo_pack: Pack, options: dict[str, Any]) -> None:
    loader = FastLoader(photo_pack, 8, transforms=FIXED, **options)
    assert_alike(rebuilt(loader), list(loader))


def test_without_transforms_too(grays: Path, windows: Path) -> None:
    for path in (grays, windows):
        loader = FastLoader(path, 8)
        assert_same(rebuilt(loader), list(loader))


def test_distance_maps_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    schema = Schema(
        {
            "image": Image(codec="raw"),
            "mask": Mask(classes=("a", "b")),
            "near": DistanceMap(form="boundary", of="mask", dtype="uint8", scale=0.5),
            "signed": DistanceMap(form="signed", of="mask", classes=2, dtype="float16"),
        }
    )
    with create_pack(tmp_path / "maps.h5", schema) as writer:
        for _ in range(4):
            writer.add(
                image=rng.integers(0, 256, (24, 32, 3), dtype=np.uint8),
                mask=rng.integers(0, 2, (24, 32), dtype=np.uint8),
                near=rng.random((24, 32), dtype=np.float32) * 100,
                signed=rng.random((2, 24, 32), dtype=np.float32) * 9,
            )
    for chosen in ((), FIXED):
        loader = FastLoader(tmp_path / "maps.h5", 2, transforms=chosen)
        assert_same(rebuilt(loader), list(loader))


@pytest.mark.parametrize("workers", [0, 1])
def test_random_geometry_is_drawn_from_torch(photo_pack: Pack, workers: int) -> None:
    loader = FastLoader(photo_pack, 8, transforms=CROPS)
    torch.manual_seed(1)
    first, other = (rebuilt(loader, num_workers=workers)[0] for _ in range(2))
    assert first.image.shape == (8, 3, 20, 20)
    assert first.mask.shape == (8, 20, 20)
    assert not torch.equal(first.image, other.image)
    torch.manual_seed(1)
    assert_same(rebuilt(loader, num_workers=workers)[0], first)


def test_a_collate_function_gets_transformed_samples(photo_pack: Pack) -> None:
    loader = FastLoader(photo_pack, 8, transforms=FIXED, collate_fn=shapes, num_workers=0)
    assert rebuilt(loader) == list(loader)
    assert FastLoader(photo_pack, 8, collate_fn=shapes).collate_fn is shapes
    again = FastLoader(photo_pack, 8, transforms=FIXED, collate_fn=loader.collate_fn)
    assert list(again) == list(loader)


def shapes(samples: list[Any]) -> list[Any]:
    return [(type(sample).__name__, sample.image.shape, sample.label) for sample in samples]


def test_single_samples(photo_pack: Pack) -> None:
    loader = FastLoader(photo_pack, None, transforms=FIXED, num_workers=0)
    plain = DataLoader(photo_pack, batch_size=None, collate_fn=loader.collate_fn)
    assert_alike(list(plain), list(loader))
    by_function = FastLoader(photo_pack, None, transforms=FIXED, collate_fn=label_of, num_workers=0)
    plain = DataLoader(photo_pack, batch_size=None, collate_fn=by_function.collate_fn)
    assert list(plain) == list(by_function)


def label_of(sample: Any) -> int:
    return int(sample.label)


@pytest.mark.parametrize("options", [{"transforms": FIXED}, {"fields": ["label"]}])
def test_what_would_be_left_out_before_a_function_is_an_error(
    photo_pack: Pack, options: dict[str, Any]
) -> None:
    loader = FastLoader(photo_pack.map(label_of), 8, num_workers=0, **options)
    assert len(list(loader)) == 4
    with pytest.raises(UsageError, match=r"accelerator\.prepare"):
        rebuilt(loader)
    again = FastLoader(loader.dataset, 8, num_workers=0, collate_fn=loader.collate_fn, **options)
    assert_same(list(again), list(loader))


def test_mixed_sizes_are_explained(photo_pack: Pack) -> None:
    with pytest.raises(UsageError, match=r"different sizes.*add Resize"):
        rebuilt(FastLoader(photo_pack, 8))


def test_the_function_shown_is_no_function_of_the_user_s(photo_pack: Pack) -> None:
    part = Subset(photo_pack, [3])
    loader = FastLoader(part, transforms=FIXED)
    assert_alike(rebuilt(loader), list(loader))
    assert FastLoader(part, collate_fn=loader.collate_fn).explain().engine == "cpu"
    assert FastLoader(part, collate_fn=default_collate).explain().engine == "torch"
    copied = pickle.loads(pickle.dumps(loader.collate_fn))  # noqa: S301
    assert_alike([copied([photo_pack[3]])], list(loader))


def test_a_pack_of_pairs_keeps_both_resolutions(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    with create_pack(tmp_path / "pairs.lmdb", Schema({"low": Image(), "high": Image()})) as writer:
        for _ in range(3):
            low = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
            writer.add(low=low, high=low.repeat(2, 0).repeat(2, 1))
    with open_pack(tmp_path / "pairs.lmdb") as pack:
        batch = rebuilt(FastLoader(pack, 3, transforms=[transforms.RandomCrop(8)]))[0]
    assert torch.equal(batch.low, batch.high[:, :, ::2, ::2])
