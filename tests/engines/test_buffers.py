"""Memory of batches comes back when nothing refers to it, and never before."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from fastdata import FastLoader, Image, Schema, create_pack
from fastdata.engines.buffers import BatchBuffers
from fastdata.transforms import Resize

# Large enough to be recycled, small enough for many tests.
SHAPE = (16, 300, 300, 3)
NBYTES = 16 * 300 * 300 * 3


@pytest.fixture(scope="module", autouse=True)
def little_to_collect() -> None:
    """What other tests left would be looked through each time that garbage is collected here."""
    gc.collect()
    gc.freeze()


def keep_graph(tensor: torch.Tensor) -> Any:
    weight = torch.ones((), requires_grad=True)
    return (tensor.view(torch.uint8) * weight).grad_fn


ESCAPES: dict[str, Callable[[torch.Tensor], Any]] = {
    "the tensor": lambda tensor: tensor,
    "a view": lambda tensor: tensor.permute(0, 3, 1, 2)[3],
    "a detached view": lambda tensor: tensor[2:4].detach(),
    "its array": lambda tensor: tensor.numpy(),
    "a slice of its array": lambda tensor: tensor.numpy()[1:][::2, 5],
    "a view of its array as other numbers": lambda tensor: tensor.numpy()[3].reshape(-1).view("f4"),
    "a memoryview": lambda tensor: memoryview(tensor.numpy()[4]),
    "its storage": lambda tensor: tensor.untyped_storage(),
    "DLPack in NumPy": np.from_dlpack,
    "DLPack in torch": lambda tensor: torch.from_dlpack(tensor[1:]),
    "the graph of autograd": keep_graph,
    "a list": lambda tensor: list(tensor.unbind()),
}


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
def test_memory_is_not_used_again_while_something_refers_to_it(escape: Any) -> None:
    buffers = BatchBuffers(4)
    tensor = buffers.empty(SHAPE, np.uint8)
    address = tensor.data_ptr()
    kept = escape(tensor)
    del tensor
    gc.collect()
    other = buffers.empty(SHAPE, np.uint8)
    assert other.data_ptr() != address
    del kept
    gc.collect()
    assert buffers.empty(SHAPE, np.uint8).data_ptr() == address


def test_other_sizes_get_memory_of_their_own() -> None:
    buffers = BatchBuffers(4)
    address = buffers.empty(SHAPE, np.uint8).data_ptr()
    assert buffers.empty((17, *SHAPE[1:]), np.uint8).data_ptr() != address
    floats = buffers.empty(SHAPE[:3], np.float32)
    assert floats.dtype == torch.float32 and floats.data_ptr() != address
    halves = buffers.empty((2 * 16, 150, 300, 3), np.uint8)
    assert halves.shape == (32, 150, 300, 3) and halves.data_ptr() == address


def test_a_tensor_in_shared_memory_has_left_its_buffer() -> None:
    buffers = BatchBuffers(4)
    tensor = buffers.empty(SHAPE, np.uint8).fill_(7)
    address = tensor.data_ptr()
    tensor.share_memory_()  # type: ignore[no-untyped-call]
    assert buffers.empty(SHAPE, np.uint8).fill_(9).data_ptr() == address
    assert (tensor == 7).all()


@pytest.fixture
def traced() -> Iterator[Callable[[], int]]:
    """Bytes that Python and NumPy hold now."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()


def test_no_more_unused_memory_is_kept_than_told(traced: Callable[[], int]) -> None:
    buffers = BatchBuffers(2)
    before = traced()
    held = [buffers.empty(SHAPE, np.uint8) for _ in range(5)]
    assert traced() - before > 4.9 * NBYTES
    del held
    assert 1.9 * NBYTES < traced() - before < 2.1 * NBYTES


def test_memory_that_outlives_the_buffers_is_freed(traced: Callable[[], int]) -> None:
    before = traced()
    buffers = BatchBuffers(2)
    kept, dropped = buffers.empty(SHAPE, np.uint8), buffers.empty(SHAPE, np.uint8)
    del dropped, buffers
    assert traced() - before < 1.1 * NBYTES
    del kept
    assert traced() - before < 0.1 * NBYTES


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("packs") / "noise.lmdb"
    rng = np.random.default_rng(0)
    with create_pack(path, Schema({"image": Image(codec="raw")})) as writer:
        for size in range(20, 36):
            writer.add(image=rng.integers(0, 256, (size, size, 3), dtype=np.uint8))
    return path


def batches(pack: Any, count: int) -> Iterator[torch.Tensor]:
    # Enlarged, so that a batch is large although the pack is small.
    loader = FastLoader(pack, batch_size=8, shuffle=True, seed=0, transforms=[Resize((450, 450))])
    made = 0
    while made < count:
        for batch in loader:
            made += 1
            yield batch.image


def test_a_batch_that_is_held_stays_as_it_is_across_100_others(pack: Any) -> None:
    stream = batches(pack, 102)
    held = next(stream)
    image = held[3].numpy()
    before = held.clone()
    addresses = {batch.data_ptr() for batch in stream}
    assert torch.equal(held, before)
    assert held.data_ptr() not in addresses
    np.testing.assert_array_equal(image, before[3].numpy())


def test_an_epochs_batches_use_each_others_memory(pack: Any) -> None:
    loader = FastLoader(pack, batch_size=1, transforms=[Resize((1300, 1300))])
    addresses = [batch.image.data_ptr() for batch in loader]
    assert len(addresses) == 16
    # Two made ahead, one in the making, one here, and one that the assignment has not yet dropped.
    assert len(set(addresses)) <= 5
