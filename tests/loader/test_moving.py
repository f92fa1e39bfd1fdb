"""Batches on their way to a device: what needs no GPU, on torch's device without memory."""

from __future__ import annotations

import gc
import itertools
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from loader_checks import assert_same
from torch.utils.data._utils.pin_memory import pin_memory

from fastdata import FastLoader, open_pack, transforms
from fastdata.engines.work import Made, Skip
from fastdata.errors import InputError, UsageError, WorkerError
from fastdata.loader.arguments import Request
from fastdata.loader.arriving import Arrivals, Arriving
from fastdata.loader.choice import choose_engine
from fastdata.loader.gpudecoding import gpu_should_decode
from fastdata.loader.lookahead import one_ahead
from fastdata.loader.moving import PlainMover
from fastdata.loader.streaming import naming_a_lost_gpu

META = torch.device("meta")
MEAN, STD = (0.48, 0.46, 0.41), (0.23, 0.22, 0.22)
CHAIN = [transforms.RandomCrop(20), transforms.Normalize(MEAN, STD, "float16")]
WORKERS = [("cpu", 0), ("cpu", 1), ("torch", 0), ("torch", 2)]


@pytest.mark.parametrize(("engine", "workers"), WORKERS)
def test_batches_are_on_the_device_in_order_and_counted_when_handed_out(
    photos: Path, engine: str, workers: int
) -> None:
    options: dict[str, Any] = {"batch_size": 5, "shuffle": True, "seed": 3, "transforms": CHAIN}
    names = [batch.name for batch in FastLoader(photos, **options)]
    loader = FastLoader(photos, engine=engine, num_workers=workers, device="meta", **options)
    found = []
    for number, batch in enumerate(loader, start=1):
        found.append(batch.name)
        assert (batch.image.dtype, batch.image.device) == (torch.float16, META)
        assert batch.image.is_contiguous(memory_format=torch.channels_last)
        assert {batch.mask.device, batch.label.device} == {META}
        assert loader.state_dict()["batches"] == number
    assert found == names


@pytest.mark.parametrize("values", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("source", ["photos", "grays"])
def test_what_leaves_the_host_are_bytes_that_become_the_same_values(
    source: str, values: str, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(source)
    chain = (
        [transforms.CenterCrop(20), transforms.Normalize(MEAN, STD, values)]
        if source == "photos"
        else [transforms.Normalize((0.4,), (0.3,), values)]
    )
    (expected,) = FastLoader(path, 26, transforms=chain)
    choice = choose_engine(Request(dataset=open_pack(path), transforms=chain, device="meta"))
    assert choice.maker is not None
    assert choice.later is not None
    assert choice.gathers is (source == "grays")
    (sent,) = FastLoader(path, 26, transforms=chain[:-1])
    found = choice.later.on(torch.device("cpu"))(sent)
    assert (found.image.dtype, found.image.stride()) == (
        expected.image.dtype,
        expected.image.stride(),
    )
    step = {"float32": 0.0, "float16": 2**-10, "bfloat16": 2**-7}[values]
    torch.testing.assert_close(
        found.image.double(), expected.image.double(), rtol=0, atol=1e-6 + step
    )
    assert_same(found._replace(image=None), expected._replace(image=None))


@pytest.mark.parametrize(("engine", "workers"), WORKERS)
def test_an_error_comes_in_its_turn_and_bad_samples_are_left_out(
    photos: Path, engine: str, workers: int
) -> None:
    options: dict[str, Any] = {
        "batch_size": 1,
        "engine": engine,
        "num_workers": workers,
        "device": "meta",
        "transforms": [transforms.RandomCrop(42), transforms.ToFloat()],
        "sampler": [3, 4, 1, 5],
    }
    batches = iter(FastLoader(photos, **options))
    assert [next(batches).name for _ in range(2)] == [["photo 3"], ["photo 4"]]
    with pytest.raises(InputError, match=r"^group/1.jpg"):
        next(batches)
    assert next(batches).name == ["photo 5"]
    loader = FastLoader(photos, on_bad="skip", **options)
    assert [batch.name for batch in loader] == [["photo 3"], ["photo 4"], ["photo 5"]]
    assert [skip.sample for skip in loader.skipped] == [1]


def test_functions_of_the_users_own_get_floats_and_their_result_is_moved(photos: Path) -> None:
    def types(samples: list[Any]) -> Any:
        return [str(sample.image.dtype) for sample in samples], torch.zeros(3)

    loader = FastLoader(photos, 2, num_workers=0, transforms=CHAIN, collate_fn=types, device="meta")
    names, zeros = next(iter(loader))
    assert (names, zeros.device) == (["float16"] * 2, META)


def test_gathers_are_sent_one_ahead_and_nothing_is_kept() -> None:
    made: list[int] = []

    def batches() -> Iterator[torch.Tensor]:
        for number in range(3):
            made.append(number)
            yield torch.full((1,), number)
        raise ValueError("the fourth")

    ahead = one_ahead(batches(), lambda batch: batch * 10)
    first = next(ahead)
    assert (first.item(), made) == (0, [0, 1])
    gone = weakref.ref(first)
    del first
    assert gone() is None
    assert [next(ahead).item(), next(ahead).item()] == [10, 20]
    with pytest.raises(ValueError, match="the fourth"):
        next(ahead)


def arriving(arrivals: Arrivals, *payloads: Any) -> list[Arriving]:
    collated = arrivals.wrap(lambda payload: payload)
    return [pin_memory(collated(payload)) for payload in payloads]


def test_few_of_the_batches_that_workers_made_are_sent_ahead() -> None:
    arrivals = Arrivals(PlainMover(META, None))
    there = arriving(arrivals, *map(torch.ones, range(1, 6)))
    assert [one.is_sent for one in there] == [True, True, False, False, False]
    assert [len(arrivals.take(one)) for one in there[:2]] == [1, 2]
    assert [one.is_sent for one in there] == [True] * 4 + [False]
    # Out of turn, as where one worker is slow; and those of an epoch that was dropped make room.
    assert len(arrivals.take(there[4])) == 5
    del there[2:4]
    gc.collect()
    assert all(one.is_sent for one in arriving(arrivals, torch.ones(1), torch.ones(1)))


def test_what_a_worker_reports_arrives_beside_its_batch() -> None:
    arrivals = Arrivals(PlainMover(META, None))
    skips = (Skip(7, "a.jpg", "broken"),)
    made, empty = arriving(arrivals, Made(torch.ones(2), 2, skips), Made(None, 0, skips))
    assert arrivals.take(made).skipped == arrivals.take(empty).skipped == skips


def test_a_batch_that_cannot_be_pinned_fails_in_its_turn() -> None:
    class Unpinnable(PlainMover):
        def pin(self, batch: Any) -> Any:
            if len(batch) == 2:
                raise RuntimeError("no memory to pin")
            return batch

    arrivals = Arrivals(Unpinnable(META, None))
    one, two, three = arriving(arrivals, *map(torch.ones, (1, 2, 3)))
    assert len(arrivals.take(one)) == 1
    with pytest.raises(RuntimeError, match="no memory to pin"):
        arrivals.take(two)
    assert len(arrivals.take(three)) == 3


def test_batches_of_a_loader_that_is_gone_stay_as_they_are() -> None:
    arrivals = Arrivals(PlainMover(META, None))
    collate = arrivals.wrap(lambda payload: payload)
    del arrivals
    assert pin_memory(collate(torch.ones(2))).is_sent is False


def test_an_error_of_the_gpu_says_where_it_was_met_and_a_lack_of_memory_stays_what_it_is() -> None:
    device = torch.device("cuda:1")
    with (
        pytest.raises(
            WorkerError, match=r"^cuda:1 failed while a batch of the 'cpu' engine"
        ) as found,
        naming_a_lost_gpu(device, "torch"),
        naming_a_lost_gpu(device, "cpu"),
    ):
        raise RuntimeError("CUDA error: device-side assert triggered\nCompile with ...")
    assert "copied to it: CUDA error: device-side assert triggered; an earlier" in str(found.value)
    for other in (torch.OutOfMemoryError("CUDA error: out of memory"), RuntimeError("the user's")):
        with pytest.raises(type(other)) as passed, naming_a_lost_gpu(device, "cpu"):
            raise other
        assert passed.value is other


@pytest.mark.parametrize(
    ("cores", "jpegs", "pixels", "gpu", "words"),
    [
        (2, True, 450 * 450, True, "2 cores make about 1800 images/s"),
        (1, True, 2048 * 1024, True, "1 core makes about 900 images/s"),
        (10, True, 450 * 450, True, "DALI on a GPU makes 23000"),
        (11, True, 450 * 450, False, "11 cores make about 9900"),
        (32, True, 450 * 450, False, "twice what a ResNet-50 takes"),
        (2, False, 450 * 450, False, "no JPEGs"),
        (2, True, 128 * 128, False, "16384 pixels are too small"),
    ],
)
def test_the_gpu_decodes_where_cores_are_too_few(
    cores: int, jpegs: bool, pixels: int, gpu: bool, words: str
) -> None:
    verdict = gpu_should_decode(cores=cores, jpegs=jpegs, pixels=pixels)
    assert verdict.gpu is gpu
    assert words in verdict.reason


def test_more_cores_never_turn_to_the_gpu() -> None:
    verdicts = [gpu_should_decode(cores=n, jpegs=True, pixels=1 << 20).gpu for n in range(1, 64)]
    assert verdicts[0]
    assert not any(later and not sooner for sooner, later in itertools.pairwise(verdicts))


@pytest.mark.parametrize("engine", ["auto", "cpu", "torch"])
def test_a_gpu_that_is_not_there_is_told_with_its_remedy(photos: Path, engine: str) -> None:
    if torch.cuda.is_available():
        pytest.skip("a GPU is there")
    remedy = (
        "pip install --force-reinstall torch" if torch.version.cuda is None else "nvidia-smi must"
    )
    with pytest.raises(UsageError, match=f"^device='cuda:0': .*{remedy}"):
        FastLoader(photos, engine=engine, device=torch.device("cuda:0"))


def test_explain_says_where_bytes_become_floats(photos: Path) -> None:
    reason = FastLoader(photos, transforms=CHAIN, device="meta").explain().reason
    assert reason.endswith("decoded on threads; bytes become float16 on meta")
