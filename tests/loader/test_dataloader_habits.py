"""What works with a DataLoader works with a FastLoader, and fails in the same words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from loader_checks import assert_same
from loader_datasets import TENSORS, Pairs
from torch.nn.utils.rnn import pack_sequence
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)

from fastdata import FastLoader, open_pack


class Stream(IterableDataset[int]):
    """An IterableDataset that shares itself out among workers, and lies about its length."""

    def __init__(self, length: int = 10) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        info = get_worker_info()
        start, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(start, 10, step))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(6)


ORDERS: dict[str, Callable[[], dict[str, Any]]] = {
    "none": lambda: {"batch_size": 3},
    "drop_last": lambda: {"batch_size": 3, "drop_last": True},
    "no batches": lambda: {"batch_size": None},
    "sampler": lambda: {"batch_size": 3, "sampler": [4, 2, 2, 9]},
    "weighted": lambda: {
        "batch_size": 4,
        "sampler": WeightedRandomSampler([1.0] * 11, 15, generator=generator()),
    },
    "subset": lambda: {
        "batch_size": 2,
        "sampler": SubsetRandomSampler([1, 3, 5], generator=generator()),
    },
    "batch sampler": lambda: {"batch_sampler": BatchSampler(SequentialSampler(range(11)), 4, True)},
    "list of batches": lambda: {"batch_sampler": [[1, 2], [3], [-1, 0, 10]]},
    "tensors": lambda: {"batch_sampler": [torch.tensor([1, 2]), [torch.tensor(3)]]},
    "collate": lambda: {"batch_size": 3, "collate_fn": lambda samples: samples},
    "pairs of positions": lambda: {"batch_size": 4, "collate_fn": len},
}


@pytest.mark.parametrize(
    ("order", "workers"),
    [(order, 0) for order in ORDERS]
    + [(order, 1) for order in ("none", "weighted", "collate", "no batches")],
)
@pytest.mark.parametrize("dataset", [Pairs(), TENSORS], ids=["own", "tensors"])
def test_batches_are_those_of_a_dataloader(dataset: Any, order: str, workers: int) -> None:
    expected = list(DataLoader(dataset, **ORDERS[order]()))
    context = {"multiprocessing_context": "fork"} if workers else {}
    loader = FastLoader(dataset, num_workers=workers, **context, **ORDERS[order]())
    assert_same(list(loader), expected)
    assert len(loader) == len(DataLoader(dataset, **ORDERS[order]()))


WRONG: list[dict[str, Any]] = [
    {"num_workers": -1},
    {"timeout": -1, "num_workers": 0},
    {"prefetch_factor": 2, "num_workers": 0},
    {"prefetch_factor": -2, "num_workers": 1},
    {"persistent_workers": True, "num_workers": 0},
    {"multiprocessing_context": "fork", "num_workers": 0},
    {"multiprocessing_context": "cloud", "num_workers": 1},
    {"multiprocessing_context": 3, "num_workers": 1},
    {"shuffle": True, "sampler": [1]},
    {"batch_sampler": [[1]], "batch_size": 2},
    {"batch_sampler": [[1]], "shuffle": True},
    {"batch_sampler": [[1]], "sampler": [1]},
    {"batch_sampler": [[1]], "drop_last": True},
    {"batch_size": None, "drop_last": True},
    {"batch_size": 0},
    {"batch_size": -3},
    {"batch_size": "many"},
    {"batch_size": 2.5},
    {"drop_last": "yes"},
    {"num_workers": "many"},
    {"num_workers": None},
    {"unknown": 1},
]


@pytest.mark.parametrize("arguments", WRONG, ids=str)
@pytest.mark.parametrize("dataset", [Pairs(), TENSORS], ids=["own", "tensors"])
def test_wrong_arguments_raise_what_a_dataloader_raises(
    dataset: Any, arguments: dict[str, Any]
) -> None:
    assert_same_error(dataset, arguments)


@pytest.mark.parametrize(
    "arguments",
    [{"shuffle": True}, {"sampler": [1]}, {"batch_sampler": [[1]]}, {"batch_size": 0}],
    ids=str,
)
def test_wrong_arguments_for_an_iterable_dataset(arguments: dict[str, Any]) -> None:
    assert_same_error(Stream(), arguments)


def assert_same_error(dataset: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises(Exception) as expected:
        DataLoader(dataset, **arguments)
    with pytest.raises(Exception) as found:
        FastLoader(dataset, **arguments)
    assert type(found.value) is type(expected.value)
    assert str(found.value) == str(expected.value).replace("DataLoader.__", "FastLoader.__")


def test_attributes_cannot_be_replaced_afterwards() -> None:
    loader = FastLoader(TENSORS, 2)
    with pytest.raises(ValueError, match="batch_size attribute should not be set after FastLoader"):
        loader.batch_size = 4


def test_it_is_a_dataloader_with_its_attributes() -> None:
    loader = FastLoader(Pairs(), 3, num_workers=1, timeout=5, prefetch_factor=4, drop_last=True)
    plain = DataLoader(Pairs(), 3, num_workers=1, timeout=5, prefetch_factor=4, drop_last=True)
    assert isinstance(loader, DataLoader)
    for name in (
        "batch_size",
        "num_workers",
        "timeout",
        "prefetch_factor",
        "drop_last",
        "collate_fn",
        "pin_memory",
        "worker_init_fn",
        "in_order",
    ):
        assert getattr(loader, name) == getattr(plain, name), name
    assert type(loader.sampler) is type(plain.sampler)
    assert type(loader.batch_sampler) is type(plain.batch_sampler)


def test_an_iterable_dataset_comes_once() -> None:
    for workers in (0, 2, "auto"):
        loader = FastLoader(Stream(), 4, num_workers=workers)
        assert len(loader) == 3
        assert sorted(torch.cat(list(loader)).tolist()) == list(range(10))
    assert loader.num_workers <= 1
    assert "shards itself" in str(loader.explain()) or loader.num_workers == 0


def test_an_iterable_dataset_longer_than_it_said_is_warned_of() -> None:
    loader = FastLoader(Stream(length=5), 1, num_workers=0)
    assert len(loader) == 5
    with pytest.warns(UserWarning, match="was reported to be 5"):
        list(loader)


class Marked(Dataset[int]):
    """Gives what `worker_init_fn` left in its worker."""

    mark = -1

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        return self.mark


def mark_worker(worker_id: int) -> None:
    info = get_worker_info()
    assert info is not None
    info.dataset.mark = 100 + worker_id


@pytest.mark.parametrize("on_bad", ["raise", "skip"])
def test_worker_init_fn_runs_in_each_worker_with_the_user_s_dataset(on_bad: str) -> None:
    loader = FastLoader(Marked(), 2, num_workers=2, worker_init_fn=mark_worker, on_bad=on_bad)
    assert [batch.tolist() for batch in loader] == [[100, 100], [101, 101]]


def test_worker_init_fn_gives_arrays_worker_processes() -> None:
    loader = FastLoader(TENSORS, 4, num_workers=1, worker_init_fn=int)
    assert loader.explain().engine == "torch"
    assert_same(list(loader), list(DataLoader(TENSORS, 4)))


class Workers(Dataset[int]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        import os

        return os.getpid()


def test_persistent_workers_stay_for_the_next_epoch_and_go_with_the_loader() -> None:
    loader = FastLoader(Workers(), 2, num_workers=2, persistent_workers=True)
    first = {pid for batch in loader for pid in batch.tolist()}
    next(iter(loader))
    assert {pid for batch in loader for pid in batch.tolist()} == first


def test_forked_workers_see_what_changed_between_epochs() -> None:
    dataset = Marked()
    loader = FastLoader(dataset, 4, num_workers=1, multiprocessing_context="fork")
    assert next(iter(loader)).tolist() == [-1] * 4
    dataset.mark = 7
    assert next(iter(loader)).tolist() == [7] * 4


@pytest.mark.parametrize("dataset", [Pairs(), TENSORS], ids=["own", "tensors"])
def test_two_iterators_at_once(dataset: Any) -> None:
    loader = FastLoader(dataset, 4, num_workers=1, persistent_workers=True)
    pairs = list(zip(loader, loader, strict=True))
    assert_same([one for one, _ in pairs], [other for _, other in pairs])


@pytest.mark.filterwarnings("error")
def test_pinning_without_a_gpu_warns_as_a_dataloader() -> None:
    if torch.accelerator.is_available():
        pytest.skip("an accelerator is there, so no warning is due")
    for dataset in (Pairs(), TENSORS):
        with pytest.warns(UserWarning, match="no accelerator is found"):
            list(FastLoader(dataset, 4, num_workers=0, pin_memory=True))
    assert FastLoader(TENSORS).pin_memory is False


class Stuck(Dataset[int]):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> int:
        # Longer than the timeout; an endless wait would only make the loader wait at its end.
        threading.Event().wait(1)
        return 0


def test_a_timeout_is_dataloader_s_and_one_of_fastdata() -> None:
    from fastdata.errors import WorkerTimeout

    loader = FastLoader(Stuck(), num_workers=1, timeout=0.1)
    with pytest.raises(WorkerTimeout, match=r"DataLoader timed out after 0\.1 seconds") as found:
        next(iter(loader))
    assert isinstance(found.value, RuntimeError)


def test_batches_go_to_a_device() -> None:
    batch = next(iter(FastLoader({"x": np.zeros((4, 2))}, 4, device="meta")))
    assert batch["x"].device.type == "meta"


def test_whatever_can_be_moved_goes_to_a_device() -> None:
    sequences = [torch.arange(3.0), torch.arange(2.0)]
    loader = FastLoader(sequences, 2, num_workers=0, collate_fn=packed, device="meta")
    ((sequence, marked),) = list(loader)
    assert (sequence.data.device.type, sequence.batch_sizes.device.type) == ("meta", "cpu")
    assert marked.device == torch.device("meta")


def packed(samples: list[torch.Tensor]) -> Any:
    return pack_sequence(samples), Movable()


class Movable:
    """A batch of a library of its own, such as a graph."""

    device = torch.device("cpu")

    def to(self, device: torch.device, *, non_blocking: bool) -> Movable:
        assert non_blocking
        self.device = device
        return self


def test_a_subclass_of_tensordataset_is_left_to_itself() -> None:
    class Negated(TensorDataset):
        def __getitem__(self, index: int) -> Any:
            return -self.tensors[0][index]

    loader = FastLoader(Negated(torch.arange(3)), 3, num_workers=0)
    assert next(iter(loader)).tolist() == [0, -1, -2]


@pytest.mark.parametrize("workers", [0, 2])
def test_several_threads_may_share_an_iterator(photos: Path, workers: int) -> None:
    with open_pack(photos) as pack:
        sources: list[Any] = [(pack, {"fields": ["label", "mask"]}), (list(range(26)), {})]
        for dataset, options in sources:
            iterator = iter(FastLoader(dataset, 1, num_workers=workers, **options))
            with ThreadPoolExecutor(4) as threads:
                counts = list(threads.map(lambda it: sum(1 for _ in it), [iterator] * 4))
            assert sum(counts) == 26
