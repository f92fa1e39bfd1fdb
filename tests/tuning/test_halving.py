"""The decorator that halves the batch when memory runs out."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from fastdata.errors import UsageError, WorkerError
from fastdata.tuning import halve_on_oom

OUT_OF_MEMORY = (
    torch.OutOfMemoryError("CUDA out of memory"),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: not enough memory"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
)


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_the_batch_is_halved_and_the_global_batch_kept(error: Exception) -> None:
    asked: list[tuple[int, int]] = []

    @halve_on_oom(start=100)
    def train(name: str, *, batch_size: int, accumulate: int) -> str:
        asked.append((batch_size, accumulate))
        if batch_size > 30:
            raise error
        return f"{name} with {batch_size}"

    assert train("run") == "run with 25"
    assert asked == [(100, 1), (50, 2), (25, 4)]
    assert train("again") == "again with 25"
    assert asked[3:] == [(25, 4)]


def test_a_real_allocation_that_cannot_be_is_recognised() -> None:
    @halve_on_oom(start=2)
    def fill(*, batch_size: int) -> int:
        if batch_size == 2:
            torch.empty(1 << 60, dtype=torch.uint8)
        return batch_size

    assert fill() == 1


def test_memory_of_the_failed_call_is_let_go_before_the_next() -> None:
    held: list[weakref.ref[torch.Tensor]] = []
    kept: list[BaseException] = []

    @halve_on_oom(start=2)
    def train(*, batch_size: int) -> bool:
        if batch_size == 1:
            return held[0]() is None
        activations = torch.ones(1000)
        held.append(weakref.ref(activations))
        error = MemoryError()
        kept.append(error)  # as a logger or debugger does
        raise error

    gc.disable()
    try:
        assert train()
    finally:
        gc.enable()


def test_other_errors_are_the_callers() -> None:
    calls = []

    @halve_on_oom(start=4)
    def train(*, batch_size: int) -> None:
        calls.append(batch_size)
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        train()
    assert calls == [4]


def test_it_gives_up_below_the_smallest_size() -> None:
    @halve_on_oom(start=8, smallest=4)
    def train(*, batch_size: int) -> None:
        raise MemoryError

    with pytest.raises(WorkerError, match=r"at a batch of 4.*smallest size"):
        train()


def test_a_rank_does_not_start_again_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")

    @halve_on_oom(start=8)
    def train(*, batch_size: int) -> None:
        raise MemoryError

    with pytest.raises(MemoryError) as caught:
        train()
    assert "find_batch_size" in caught.value.__notes__[0]


def test_wrong_use_is_told_when_it_is_written() -> None:
    with pytest.raises(UsageError, match="start=0"):
        halve_on_oom(start=0)
    with pytest.raises(UsageError, match="smallest=9 is above start=8"):
        halve_on_oom(start=8, smallest=9)
    with pytest.raises(UsageError, match=r"train\(\) takes no batch_size"):

        @halve_on_oom(start=8)
        def train(size: int) -> None: ...
