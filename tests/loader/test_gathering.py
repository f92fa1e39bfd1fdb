"""Arrays and tensors are gathered as a DataLoader collates them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from loader_checks import assert_same
from loader_datasets import TENSORS, Pairs
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Subset,
)

from fastdata import FastLoader

ARRAYS = {
    "int64": np.arange(11),
    "float32": np.arange(66, dtype=np.float32).reshape(11, 2, 3),
    "float64 scalars": np.linspace(0, 1, 11),
    "uint16": np.arange(11, dtype=np.uint16),
    "bool": np.arange(11) % 2 == 0,
    "complex": np.arange(11) * 1j,
    "transposed": np.arange(22).reshape(2, 11).T,
    "tensor": torch.arange(22).reshape(11, 2),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_numpy_arrays_are_gathered_as_a_dataloader_collates_them(name: str) -> None:
    array = ARRAYS[name]
    loader = FastLoader(array, 4)
    assert loader.explain().engine == "cpu"
    assert_same(
        [batch.contiguous() for batch in loader],
        [batch.contiguous() for batch in DataLoader(array, 4)],
    )


@pytest.mark.parametrize(
    "dataset",
    [
        Subset(TENSORS, [3, 1, -1]),
        ConcatDataset([TENSORS, Subset(TENSORS, [5, 4])]),
        Subset(ConcatDataset([ARRAYS["float32"], ARRAYS["float32"][:3]]), [12, 0, 13, 5]),
        Subset(torch.arange(6.0).bfloat16(), [3, 1, -1]),
    ],
    ids=["subset", "concat", "nested", "tensor"],
)
def test_parts_of_arrays_are_gathered(dataset: Any) -> None:
    loader = FastLoader(dataset, 4)
    assert loader.explain().engine == "cpu"
    assert_same(list(loader), list(DataLoader(dataset, 4)))


@pytest.mark.parametrize(
    "array",
    [np.arange(6)[::-1], np.array(["a", "b"]), np.arange(4).astype(">i4"), np.empty((0, 3))],
    ids=["backwards", "text", "big-endian", "empty"],
)
def test_arrays_that_cannot_be_gathered_are_left_to_the_dataloader(array: Any) -> None:
    assert FastLoader(array, 4, num_workers=0).explain().engine == "torch"


def test_a_read_only_memory_map_is_gathered(tmp_path: Any) -> None:
    np.save(tmp_path / "a.npy", ARRAYS["float32"])
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    loader = FastLoader(mapped, 4)
    assert loader.explain().engine == "cpu"
    assert torch.equal(torch.cat(list(loader)), torch.from_numpy(ARRAYS["float32"]))


def test_a_dict_of_arrays_gives_dicts() -> None:
    loader = FastLoader({"x": ARRAYS["float32"], "y": torch.arange(11)}, 8)
    assert len(loader) == 2
    assert_same(next(iter(loader))["y"], torch.arange(8))
    assert_same(loader.dataset[2]["y"], torch.tensor(2))


def test_a_dict_with_other_keys_stays_a_dataset_of_those_keys() -> None:
    samples = {0: "a", 1: "b"}
    assert list(FastLoader(samples, 2, num_workers=0)) == list(DataLoader(samples, 2))


def test_an_index_out_of_range_is_an_index_error() -> None:
    for dataset in (Pairs(), TENSORS):
        with pytest.raises(IndexError):
            list(FastLoader(dataset, 1, sampler=[11], num_workers=0))
