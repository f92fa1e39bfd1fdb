"""Batches of packs: what is in them, and that nothing but the seed changes it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from loader_checks import assert_same
from torch.utils.data import ConcatDataset, Subset, random_split

from fastdata import FastLoader, open_pack, transforms
from fastdata.errors import InputError, UsageError
from fastdata.packs import Pack, create_pack
from fastdata.schema import Image, Label, Scalar, Schema, Text

CROPS = (transforms.RandomResizedCrop(20), transforms.HorizontalFlip())


@pytest.mark.parametrize("workers", [0, 1])
def test_a_sample_too_small_for_its_crop_is_named_in_whichever_batch_it_is(
    photos: Path, workers: int
) -> None:
    chain = [transforms.RandomCrop(41)]
    with_a_small_one = Subset(open_pack(photos), [4, 3, 2, 1, 5, 0])
    loader = FastLoader(
        with_a_small_one, 2, num_workers=workers, fields=["image"], transforms=chain
    )
    batches = iter(loader)
    for _ in range(2):
        next(batches)
    with pytest.raises(InputError, match=r"^group/0.jpg: RandomCrop"):
        next(batches)


def test_spawned_workers_make_the_same_batches(photos: Path) -> None:
    options: dict[str, Any] = {"batch_size": 8, "shuffle": True, "seed": 5, "transforms": CROPS}
    loader = FastLoader(photos, num_workers=1, multiprocessing_context="spawn", **options)
    assert loader.explain().engine == "torch"
    assert_same(list(loader), list(FastLoader(photos, **options)))


def test_fields_choose_and_order(photo_pack: Pack) -> None:
    batch = next(iter(FastLoader(photo_pack, 3, fields=["name", "label"])))
    assert batch._fields == ("name", "label")


@pytest.mark.parametrize("fields", [["label", "colour"], [], ["label", "label"]])
def test_wrong_fields_are_refused(photo_pack: Pack, fields: list[str]) -> None:
    with pytest.raises(UsageError, match=r"colour|at least one"):
        FastLoader(photo_pack, fields=fields)


def test_samples_of_different_sizes_need_a_size(photo_pack: Pack) -> None:
    with pytest.raises(UsageError, match=r"group/0\.jpg \(40x50\) and group/1\.jpg \(41x50\)"):
        next(iter(FastLoader(photo_pack, batch_size=4)))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_collate_function_gets_samples_with_the_same_numbers(
    photo_pack: Pack, workers: int
) -> None:
    options: dict[str, Any] = {"batch_size": 9, "seed": 2, "transforms": CROPS, "shuffle": True}
    batches = list(FastLoader(photo_pack, **options))
    loader = FastLoader(photo_pack, collate_fn=list, num_workers=workers, **options)
    for batch, samples in zip(batches, loader, strict=True):
        assert type(samples[0]).__name__ == "Sample"
        assert samples[0].image.shape == (20, 20, 3)
        assert [sample.name for sample in samples] == batch.name
        stacked = np.stack([sample.image for sample in samples])
        assert np.array_equal(stacked, batch.image.permute(0, 2, 3, 1).numpy())
        assert [sample.label for sample in samples] == batch.label.tolist()


def test_without_transforms_a_collate_function_gets_the_packs_own_samples(
    photo_pack: Pack,
) -> None:
    samples = next(iter(FastLoader(photo_pack, 4, collate_fn=list, num_workers=0)))
    assert_same([tuple(sample) for sample in samples], [tuple(photo_pack[i]) for i in range(4)])


def test_single_samples(photo_pack: Pack) -> None:
    samples = list(FastLoader(photo_pack, batch_size=None, num_workers=0, fields=["image", "box"]))
    assert len(samples) == len(photo_pack)
    expected = torch.from_numpy(photo_pack[4].image).permute(2, 0, 1)
    assert torch.equal(samples[4].image, expected)


def label_and_size(sample: Any) -> tuple[int, int]:
    return int(sample.label), sample.image.shape[0]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_mapped_pack_runs_its_function(photo_pack: Pack, workers: int) -> None:
    mapped = photo_pack.map(label_and_size)
    labels, heights = next(iter(FastLoader(mapped, 4, num_workers=workers)))
    assert (labels.tolist(), heights.tolist()) == ([0, 1, 2, 0], [40, 41, 42, 43])


def test_a_mapped_pack_runs_after_declared_transforms(photo_pack: Pack) -> None:
    loader = FastLoader(photo_pack.map(label_and_size), 4, num_workers=0, transforms=CROPS)
    assert next(iter(loader))[1].tolist() == [20] * 4


def views(pack: Pack, other: Pack) -> dict[str, Any]:
    return {
        "subset": Subset(pack, [4, 2, -1, 7, 7]),
        "view": pack.subset(label=2),
        "split": random_split(pack, [0.5, 0.5], torch.Generator().manual_seed(1))[0],
        "concat": ConcatDataset([pack, other]),
        "nested": Subset(ConcatDataset([Subset(pack, range(3, 9)), other]), [20, 1, 8, 3]),
    }


@pytest.mark.parametrize("name", ["subset", "view", "split", "concat", "nested"])
def test_parts_of_packs_stay_on_the_fast_path(photos: Path, name: str) -> None:
    with open_pack(photos) as pack, open_pack(photos) as other:
        dataset = views(pack, other)[name]
        loader = FastLoader(dataset, 3, transforms=[transforms.CenterCrop(40)])
        assert loader.explain().engine == "cpu"
        plain = [dataset[index] for index in range(len(dataset))]
        batches = list(loader)
    top = [(s.image.shape[0] - 40) / 2 for s in plain]
    crops = [s.image[int(np.rint(t)) :][:40, 5:45] for s, t in zip(plain, top, strict=True)]
    got = torch.cat([batch.image for batch in batches]).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(got, np.stack(crops))
    for field in ("label", "weight", "box"):
        column = torch.cat([getattr(batch, field) for batch in batches]).numpy()
        assert np.array_equal(column, np.stack([getattr(s, field) for s in plain]))
    assert [n for batch in batches for n in batch.name] == [s.name for s in plain]


@pytest.mark.parametrize("name", ["subset", "split", "concat", "nested"])
def test_parts_of_raw_packs_are_gathered(grays: Path, name: str) -> None:
    with open_pack(grays) as pack, open_pack(grays) as other:
        dataset = views(pack, other)[name]
        loader = FastLoader(dataset, 4)
        assert loader.num_workers == 0
        assert "gathered" in loader.explain().reason
        plain = [dataset[index] for index in range(len(dataset))]
        batches = list(loader)
    got = torch.cat([batch.image for batch in batches]).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(got, np.stack([s.image for s in plain]))
    assert batches[0].mask.dtype == torch.uint16
    for field in ("mask", "vector", "label"):
        column = np.concatenate([getattr(batch, field).numpy() for batch in batches])
        assert np.array_equal(column, np.stack([getattr(s, field) for s in plain]))


class Doubled(Subset[Any]):
    def __getitem__(self, index: int) -> Any:
        return int(super().__getitem__(index).label) * 2

    def __getitems__(self, indices: list[int]) -> Any:
        return [self[index] for index in indices]


def test_a_subset_with_an_indexing_of_its_own_is_left_to_it(photo_pack: Pack) -> None:
    loader = FastLoader(Doubled(photo_pack, [0, 1, 2]), 3, num_workers=0)
    assert loader.explain().engine == "torch"
    assert next(iter(loader)).tolist() == [0, 2, 4]


def test_windows_are_gathered(windows: Path) -> None:
    with open_pack(windows) as pack:
        loader = FastLoader(pack, 32, shuffle=True, seed=1)
        starts = {float(pack[i].window[0, 0]): i for i in range(len(pack))}
        seen = []
        for window, target in loader:
            assert window.shape[1:] == (24, 3)
            for values, wanted in zip(window, target, strict=True):
                index = starts[float(values[0, 0])]
                assert np.array_equal(values.numpy(), pack[index].window)
                assert wanted == pack[index].target
                seen.append(index)
    assert sorted(seen) == list(range(376))


def test_packs_that_do_not_fit_together_are_refused(photos: Path, tmp_path: Path) -> None:
    with create_pack(tmp_path / "gray.lmdb", Schema({"image": Image(channels=1)})) as writer:
        writer.add(image=np.zeros((8, 8, 1), np.uint8))
    with open_pack(photos) as pack, open_pack(tmp_path / "gray.lmdb") as gray:
        mixed = ConcatDataset([pack, gray])
        with pytest.raises(UsageError, match="cannot share a batch"):
            FastLoader(mixed, 4, fields=["image"])
        loader = FastLoader(mixed, 30, collate_fn=len, num_workers=0)
        assert list(loader) == [27]


def test_a_pair_is_cropped_at_the_same_place_in_both_resolutions(tmp_path: Path) -> None:
    schema = Schema({"high": Image(), "low": Image(), "label": Label()})
    high = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    with create_pack(tmp_path / "pairs.lmdb", schema) as writer:
        for index in range(4):
            writer.add(high=high, low=high[::2, ::2], label=index)
    chain = [transforms.RandomCrop(8), transforms.HorizontalFlip(), transforms.Rotate90()]
    with open_pack(tmp_path / "pairs.lmdb") as pack:
        batch = next(iter(FastLoader(pack, 4, transforms=chain, seed=1)))
    assert batch.high.shape == (4, 3, 16, 16)
    assert batch.low.shape == (4, 3, 8, 8)
    # Each low pixel is one of the four high ones that it was taken from.
    blocks = batch.high.reshape(4, 3, 8, 2, 8, 2).permute(0, 1, 2, 4, 3, 5).flatten(-2)
    assert (blocks == batch.low[..., None]).any(-1).all()


@pytest.mark.parametrize("source", ["photos", "grays"])
def test_a_held_batch_is_never_written_again(source: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(source)
    loader = FastLoader(path, 2, transforms=CROPS if source == "photos" else None, seed=1)
    iterator = iter(loader)
    held = next(iterator)
    copies = [value.clone() for value in held if isinstance(value, torch.Tensor)]
    others = itertools.chain(iterator, *(loader for _ in range(8)))
    assert sum(1 for _ in others) >= 100
    kept = [value for value in held if isinstance(value, torch.Tensor)]
    assert all(torch.equal(one, other) for one, other in zip(kept, copies, strict=True))


def test_a_batch_may_be_written_to(grays: Path) -> None:
    loader = FastLoader(grays, 2)
    expected = [batch.vector.clone() for batch in loader]
    for batch in loader:
        batch.vector.zero_()
        batch.image.zero_()
    assert all(torch.equal(b.vector, e) for b, e in zip(loader, expected, strict=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "gpu"}, "expected one of auto, cpu, torch"),
        ({"device": "gpu"}, "device=.gpu.; expected .cuda., .cuda:N., .cpu. or another"),
        ({"engine": "cpu", "collate_fn": list}, "takes samples one by one"),
        ({"engine": "cpu", "worker_init_fn": print, "num_workers": 2}, "worker_init_fn is for"),
        ({"on_bad": "ignore"}, "expected 'raise' or 'skip'"),
        ({"seed": "one"}, "expected a whole number"),
        ({"transforms": [print]}, r"transforms\[0\]"),
        ({"transforms": print}, r"expected a list .* pack\.map\(function\)"),
        ({"fields": "label"}, r"expected a list of names: fields=\['label'\]"),
        ({"pin_memory": "no"}, "pin_memory='no'; expected 'auto'"),
        ({"persistent_workers": "no"}, "persistent_workers='no'; expected 'auto'"),
    ],
)
def test_wrong_arguments_of_its_own(
    photo_pack: Pack, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        FastLoader(photo_pack, **options)


@pytest.mark.parametrize("options", [{"transforms": CROPS}, {"fields": ["x"]}])
def test_transforms_and_fields_are_for_packs(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="are for packs; the dataset is a list"):
        FastLoader([1, 2, 3], **options)


def test_what_in_a_dataset_is_no_pack_is_named(photo_pack: Pack) -> None:
    both = ConcatDataset([photo_pack, Subset([1, 2, 3], [0])])
    with pytest.raises(UsageError, match="a ConcatDataset of Pack and Subset of list;"):
        FastLoader(both, transforms=CROPS)
    mixed = ConcatDataset([photo_pack.map(channels), photo_pack.map(len)])
    with pytest.raises(UsageError, match=r"a ConcatDataset of MappedPack;.* one function"):
        FastLoader(mixed, transforms=CROPS)


@pytest.mark.parametrize("kind", ["subset", "split", "concat"])
def test_parts_of_a_mapped_pack_keep_transforms(photos: Path, kind: str) -> None:
    with open_pack(photos) as pack:
        mapped = pack.map(shape_and_label)
        dataset: Any = {
            "subset": lambda: Subset(Subset(mapped, range(10, 20)), [-1, 0, 3]),
            "split": lambda: random_split(mapped, [20, 6], torch.Generator().manual_seed(1))[0],
            "concat": lambda: ConcatDataset(
                [mapped, pack.subset(label="cat").map(shape_and_label)]
            ),
        }[kind]()
        loader = FastLoader(dataset, 4, transforms=CROPS, fields=["label", "image"], num_workers=0)
        assert "pack.map()" in loader.explain().reason
        found = [tuple(row) for batch in loader for row in torch.stack(batch, 1).tolist()]
        labels = [dataset[at][3] for at in range(len(dataset))]
    assert found == [(20, 20, 3, label) for label in labels]


def shape_and_label(sample: Any) -> tuple[int, ...]:
    return (*sample.image.shape, int(sample.label))


def test_functions_may_make_different_packs_alike(photo_pack: Pack, grays: Path) -> None:
    with open_pack(grays) as other:
        both = ConcatDataset([photo_pack.map(channels), other.map(channels)])
        loader = FastLoader(both, 26, num_workers=0)
        assert [batch.unique().tolist() for batch in loader] == [[3], [1]]
        with pytest.raises(UsageError, match="cannot share a batch"):
            FastLoader(both, 26, transforms=CROPS)


def channels(sample: Any) -> int:
    return int(sample.image.shape[-1])


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([3, 26], "index 26, of a dataset of 26 samples"),
        ([-27], "index -27, of a dataset of 26 samples"),
        ([True] * 26, "indices of type bool; expected integers"),
    ],
)
def test_a_subset_of_what_is_not_there_is_an_index_error(
    photo_pack: Pack, indices: list[Any], message: str
) -> None:
    for dataset in (photo_pack, torch.arange(26)):
        with pytest.raises(IndexError, match=message):
            FastLoader(Subset(dataset, indices))


def test_each_sample_comes_from_its_own_part(photos: Path, tmp_path: Path) -> None:
    schema = Schema({"name": Text(), "weight": Scalar(dtype="float64")})
    with create_pack(tmp_path / "more.h5", schema) as writer:
        for index in range(4):
            writer.add(name=f"more {index}", weight=100 + index)
    with open_pack(photos) as pack, open_pack(tmp_path / "more.h5") as more:
        both = ConcatDataset(
            [pack, ConcatDataset([Subset(more, [3, 1]), pack.subset(label="owl")])]
        )
        chosen = Subset(both, [27, 0, 28, 26])
        batch = next(iter(FastLoader(chosen, 4, fields=["name", "weight"])))
    assert batch.name == ["more 1", "photo 0", "photo 2", "more 3"]
    assert batch.weight.tolist() == [101, 0, 0.5, 103]


def test_turns_keep_a_pair_of_different_proportions_together(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    with create_pack(tmp_path / "tall.lmdb", Schema({"low": Image(), "high": Image()})) as writer:
        for _ in range(12):
            low = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
            writer.add(low=low, high=low.repeat(2, 0))
    shapes = set()
    chain = [transforms.RandomCrop(8), transforms.Rotate90()]
    for low, high in FastLoader(tmp_path / "tall.lmdb", 1, transforms=chain, seed=1):
        shapes.add(tuple(high.shape[2:]))
        assert torch.equal(low, high[:, :, :: high.shape[2] // 8, :: high.shape[3] // 8])
    assert shapes == {(16, 8), (8, 16)}
