"""Real searches with small networks: what they choose, and that they leave nothing behind."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import fastdata
from fastdata.errors import UsageError, WorkerError
from fastdata.tuning import BatchSizeResult, Trial, find_batch_size, trial
from fastdata.tuning.memory import CpuMemory

MIB = 1 << 20
LOSS = nn.CrossEntropyLoss()


class Counting(nn.Module):
    """Has batch statistics, dropout, a buffer that is replaced, and a counter."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(0.5))
        self.head = nn.Linear(16, 3)
        self.register_buffer("seen", torch.zeros(()), persistent=False)
        self.calls = 0

    def forward(self, values: Tensor) -> Tensor:
        self.calls += 1
        self.seen = self.seen + len(values)
        return self.head(self.body(values))


class Wide(nn.Module):
    """Keeps some MiB a sample for the backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.head = nn.Linear(8, 3)

    def forward(self, values: Tensor) -> Tensor:
        wide = (values.repeat(1, 32 * 1024) * self.weight).sin()  # 8 * 32k * 4 bytes, kept twice
        return self.head(wide.reshape(len(values), -1, 8).mean(1))


def data(count: int = 40) -> TensorDataset:
    return TensorDataset(torch.randn(count, 8), torch.randint(0, 3, (count,)))


def frozen(value: Any) -> Any:
    """A copy that can be compared bit by bit with `same`."""
    return copy.deepcopy(value)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, Tensor):
        return left.dtype == right.dtype and torch.equal(left, right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def find(model: nn.Module, batches: Any, **options: Any) -> BatchSizeResult:
    return find_batch_size(model, batches, **{"loss": LOSS, "largest": 8} | options)


def test_model_optimizer_and_random_numbers_are_left_bit_for_bit() -> None:
    model, dataset = Counting(), data()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    LOSS(model(torch.randn(4, 8)), torch.tensor([0, 1, 2, 0])).backward()
    optimizer.step()
    model.eval()
    model.body[0].train()
    state = frozen((model.state_dict(), optimizer.state_dict(), model.seen, model.calls))
    modes = [part.training for part in model.modules()]
    tensors = [id(tensor) for tensor in (*model.parameters(), *model.buffers())]
    gradients = [(weight.grad, frozen(weight.grad)) for weight in model.parameters()]
    numbers = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy())

    def step(model: nn.Module, batch: Any) -> Tensor:
        random.random()
        np.random.rand()
        return LOSS(model(batch[0]), batch[1])

    trials: list[Trial] = []
    find(model, dataset, loss=None, step=step, optimizer=optimizer, report=trials.append)
    assert len(trials) >= 2
    now = (model.state_dict(), optimizer.state_dict(), model.seen, model.calls)
    assert same(now, state)
    assert [part.training for part in model.modules()] == modes
    assert [id(tensor) for tensor in (*model.parameters(), *model.buffers())] == tensors
    for weight, (gradient, saved) in zip(model.parameters(), gradients, strict=True):
        assert weight.grad is gradient and torch.equal(gradient, saved)
    assert torch.equal(torch.get_rng_state(), numbers[0])
    assert random.getstate() == numbers[1]
    assert np.array_equal(np.random.get_state()[1], numbers[2])


def test_a_model_that_fails_is_left_bit_for_bit_too() -> None:
    model = Counting()
    state = frozen(model.state_dict())

    def step(model: nn.Module, batch: Any) -> Tensor:
        if len(batch[0]) == 4:
            raise KeyError("of the user's own")
        return LOSS(model(batch[0]), batch[1])

    with pytest.raises(KeyError, match="of the user's own"):
        find(model, data(), loss=None, step=step, smallest=2)
    assert same(model.state_dict(), state)
    assert model.calls == 0


def test_strides_are_left_where_images_are_turned_to_channels_last() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    strides = model[0].weight.stride()
    place = model[0].weight.data_ptr()
    seen = []

    def step(model: Any, batch: Any) -> Tensor:
        seen.append(model[0].weight.is_contiguous(memory_format=torch.channels_last))
        return LOSS(model(batch[0]), batch[1])

    images = TensorDataset(torch.randn(8, 3, 16, 16), torch.randint(0, 4, (8,)))
    find(model, images, loss=None, step=step, largest=2)
    assert all(seen)
    assert (model[0].weight.stride(), model[0].weight.data_ptr()) == (strides, place)


def test_a_loader_is_left_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "small.h5"
    schema = fastdata.Schema(
        {"vector": fastdata.Array(shape=(8,)), "label": fastdata.Label(classes=("a", "b", "c"))}
    )
    with fastdata.create_pack(path, schema) as writer:
        for index in range(20):
            writer.add(vector=np.full(8, index, np.float32), label=index % 3)
    loader = fastdata.FastLoader(path, 4, shuffle=True, seed=3)
    batches = iter(loader)
    next(batches)
    before = loader.state_dict()
    reference = fastdata.FastLoader(path, 4, shuffle=True, seed=3)
    reference.load_state_dict(before)
    expected = list(reference)
    find(Counting(), loader)
    assert loader.state_dict() == before
    assert same(list(batches), expected)


def test_a_dataloader_gives_its_own_samples() -> None:
    seen: list[Tensor] = []

    def step(model: nn.Module, batch: Any) -> Tensor:
        seen.append(batch["x"])
        return LOSS(model(batch["x"]), batch["y"])

    def collate(samples: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
        values, labels = zip(*samples, strict=True)
        return {"x": torch.stack(values) + 100, "y": torch.stack(labels)}

    dataset = data(count=3)
    loader = DataLoader(dataset, 2, collate_fn=collate)
    find(Counting(), loader, loss=None, step=step, smallest=8)
    values = dataset.tensors[0] + 100
    assert torch.equal(seen[0], values[torch.arange(8) % 3])


def test_a_function_makes_batches_of_any_size() -> None:
    asked: list[int] = []

    def make(size: int) -> tuple[Tensor, Tensor]:
        asked.append(size)
        return torch.randn(size, 8), torch.zeros(size, dtype=torch.long)

    find(Counting(), make, smallest=2, largest=4)
    assert set(asked) == {1, 2, 4}


def test_on_the_cpu_steps_stay_within_the_memory_given(monkeypatch: pytest.MonkeyPatch) -> None:
    real = trial._seconds_a_step
    # Memory is to end the search, not a rate that something else has disturbed.
    monkeypatch.setattr(trial, "_seconds_a_step", lambda *args: min(1.0, real(*args) + 1.0))
    model = Wide()
    # The first steps bring torch's libraries into memory, 90 MiB of them.
    find(model, data(), largest=2)
    with CpuMemory() as idle:
        pass
    allowed = idle.peak_bytes + 160 * MIB
    found = find(model, data(), largest=512, multiple_of=4, memory_bytes=allowed, memory_share=1.0)
    assert found.target_bytes == allowed
    assert all(tried.peak_bytes <= allowed for tried in found.trials if tried.fits)
    largest = max(tried.batch_size for tried in found.trials if tried.fits)
    # A sample holds 5 to 20 MiB at the peak, by how the C library finds room for its tensors.
    assert 160 // 40 <= largest <= 160 // 4
    with CpuMemory() as trained:
        LOSS(model(torch.randn(largest, 8)), torch.zeros(largest, dtype=torch.long)).backward()
    assert trained.peak_bytes <= allowed + 16 * MIB


def test_headroom_is_the_share_that_is_not_taken() -> None:
    given = 4 * psutil.Process().memory_info().rss
    for share in (0.9, 0.5):
        found = find(Counting(), data(), memory_bytes=given, memory_share=share, use_cache=False)
        assert found.target_bytes == int(share * given)


def test_not_even_the_smallest_size_fits() -> None:
    model = Counting()
    state = frozen(model.state_dict())
    with pytest.raises(WorkerError, match=r"a batch of 2 takes .* the target is 0\.01 GB"):
        find(model, data(), memory_bytes=10 * MIB)
    assert same(model.state_dict(), state)


def test_memory_that_runs_out_in_a_step_ends_the_growth() -> None:
    def step(model: nn.Module, batch: Any) -> Tensor:
        if len(batch[0]) >= 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return LOSS(model(batch[0]), batch[1])

    found = find(Counting(), data(), loss=None, step=step, smallest=2, largest=64)
    assert found.batch_size == 2
    assert [tried.verdict for tried in found.trials] == ["fits", "out of memory", "out of memory"]


def test_a_global_batch_is_kept_by_accumulation() -> None:
    found = find(Counting(), data(), global_batch=24, smallest=6, largest=6)
    assert (found.batch_size, found.accumulate, found.global_batch) == (6, 4, 24)
    found = find(Counting(), data(), global_batch=3, largest=64)
    assert found.global_batch == 3
    assert max(tried.batch_size for tried in found.trials) <= 3


def test_a_result_is_used_again_for_the_same_work_only() -> None:
    trials: list[Trial] = []
    first = find(Counting(), data(), report=trials.append)
    done = len(trials)
    again = find(Counting(), data(count=7), report=trials.append)
    assert len(trials) == done
    assert again.is_cached and not first.is_cached
    assert again.trials == first.trials

    others: tuple[dict[str, Any], ...] = (
        {"config": {"precision": "fp32" if first.precision == "bf16" else "bf16"}},
        {"optimizer": {"name": "sgd"}},
        {"loss": nn.CrossEntropyLoss(label_smoothing=0.1)},
        {"largest": 4},
        {"use_cache": False},
    )
    for other in others:
        assert not find(Counting(), data(), **other).is_cached, other
    wider = Counting()
    wider.head = nn.Linear(16, 4)
    assert not find(wider, data()).is_cached


def test_a_result_that_no_longer_fits_is_not_used() -> None:
    assert not find(Wide(), data(), largest=16, smallest=16).is_cached
    with CpuMemory() as idle:
        pass
    with pytest.raises(WorkerError):
        find(
            Wide(),
            data(),
            largest=16,
            smallest=16,
            memory_bytes=idle.peak_bytes + 8 * MIB,
            memory_share=1.0,
        )


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"batch_size": -1}', "[" * 100_000])
def test_a_damaged_cache_is_ignored_with_a_warning(own_cache: Path, damage: str) -> None:
    find(Counting(), data())
    (file,) = own_cache.iterdir()
    whole = json.loads(file.read_text(encoding="utf-8"))
    if damage.startswith("{") and len(damage) > 1:
        damage = json.dumps(whole | json.loads(damage))
    file.write_text(damage, encoding="utf-8")
    with pytest.warns(UserWarning, match="ignored .*no result of a batch-size search"):
        assert not find(Counting(), data()).is_cached
    assert find(Counting(), data()).is_cached


def test_a_cache_that_cannot_be_written_is_no_error(own_cache: Path) -> None:
    own_cache.parent.mkdir(parents=True)
    own_cache.write_text("a file where the folder should be", encoding="utf-8")
    with pytest.warns(UserWarning, match="ignored"):
        assert find(Counting(), data()).batch_size


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"loss": None}, "exactly one of loss= and step="),
        ({"memory_share": 0}, "memory_share=0"),
        ({"memory_share": 1.5}, "memory_share=1.5"),
        ({"memory_bytes": 0.5}, "memory_bytes=0.5"),
        ({"global_batch": 0}, "global_batch=0"),
        ({"batches": object()}, "batches is a object; expected a FastLoader"),
        ({"batches": DataLoader(data(), batch_size=None)}, "batch_size=None"),
        ({"batches": TensorDataset(torch.zeros(0, 8))}, "empty"),
        ({"model": nn.LazyLinear(3)}, "weight of the model has no shape yet"),
    ],
)
def test_wrong_arguments_are_named(wrong: dict[str, Any], said: str) -> None:
    model = wrong.pop("model", Counting())
    batches = wrong.pop("batches", data())
    with pytest.raises(UsageError, match=said):
        find(model, batches, **wrong)


def test_a_batch_whose_rows_are_no_samples_is_refused() -> None:
    def collate(samples: list[Any]) -> tuple[Tensor, Tensor]:
        return torch.stack([value for value, _ in samples]), torch.zeros(3)

    with pytest.raises(UsageError, match=r"shape \(3,\), whose rows are no samples"):
        find(Counting(), DataLoader(data(), 4, collate_fn=collate))
