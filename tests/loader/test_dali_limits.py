"""What the DALI engine refuses, what it leaves to others, and what it gives back."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from engines_here import needs_dali

from fastdata import FastLoader, open_pack, transforms
from fastdata.errors import UsageError

pytestmark = needs_dali

CROPS = [transforms.RandomResizedCrop(20), transforms.HorizontalFlip()]


def label(sample: Any) -> int:
    return int(sample.label)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"collate_fn": list}, "a collate_fn takes samples one by one; use 'auto'"),
        ({"batch_size": None}, "batch_size=None asks for samples one by one"),
        ({"fields": ["label", "mask"]}, "there is no image to decode or transform; use 'auto'"),
        ({"device": "meta"}, "on 'cuda' or 'cpu', not on 'meta'"),
    ],
)
def test_what_it_cannot_do_is_refused(scenes: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        FastLoader(scenes, **({"batch_size": 2, "transforms": CROPS, "engine": "dali"} | options))


def test_functions_and_other_datasets_are_refused(scenes: Path) -> None:
    with open_pack(scenes) as pack:
        for dataset in (pack.map(label), np.zeros((4, 3)), [1, 2]):
            with pytest.raises(UsageError, match="engine='dali' cannot serve this loader: "):
                FastLoader(dataset, 2, engine="dali")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_told_with_its_remedy(scenes: Path) -> None:
    with pytest.raises(UsageError, match=r"CUDA.*leave device= out|nvidia-smi must list"):
        FastLoader(scenes, 2, engine="dali", device="cuda", transforms=CROPS)


def test_auto_takes_the_cpu_engine_on_a_cpu(scenes: Path) -> None:
    assert FastLoader(scenes, 2, transforms=CROPS, device="cpu").explain().engine == "cpu"


def test_threads_and_memory_are_given_back(scenes: Path) -> None:
    process = psutil.Process()

    def run(epochs: int) -> None:
        loader = FastLoader(scenes, 2, transforms=CROPS, engine="dali", num_workers=2)
        for _ in range(epochs):
            next(iter(loader))

    run(1)
    gc.collect()
    threads, memory_bytes = process.num_threads(), process.memory_info().rss
    for _ in range(5):
        run(10)
    gc.collect()
    assert process.num_threads() <= threads
    assert process.memory_info().rss < memory_bytes + (32 << 20)


@pytest.fixture(params=[0, 2])
def half_read(scenes: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    options: dict[str, Any] = {"seed": 1, "engine": "dali", "num_workers": request.param}
    loader = FastLoader(scenes, 2, transforms=CROPS, **options)
    loader.set_epoch(0)
    iterator = iter(loader)
    next(iterator)
    yield iterator
    del iterator


def test_a_fork_within_an_epoch_reads_on(scenes: Path, half_read: Any) -> None:
    chain: dict[str, Any] = {"transforms": CROPS, "seed": 1, "engine": "dali"}
    expected = [batch.image.sum().item() for batch in FastLoader(scenes, 2, **chain)][1:]
    child = os.fork()
    if child == 0:
        os._exit(0 if [batch.image.sum().item() for batch in half_read] == expected else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert [batch.image.sum().item() for batch in half_read] == expected


ENDS_WHILE_FEEDING = """
import sys, time
from fastdata import FastLoader, transforms
from fastdata.engines.dali.pipeline import ImagePipeline

feed = ImagePipeline.feed

def slowly(pipeline, inputs):
    feed(pipeline, inputs)
    time.sleep(0.2)
    print("fed" if pipeline._pipeline._pipe else "DALI has gone", flush=True)

ImagePipeline.feed = slowly
crops = [transforms.RandomResizedCrop(16)]
batches = iter(FastLoader(sys.argv[1], 2, transforms=crops, num_workers=2, engine="dali"))
next(batches)
"""


def test_a_program_ends_its_feeding_thread_before_dali(scenes: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", ENDS_WHILE_FEEDING, str(scenes)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (found.returncode, found.stderr, set(found.stdout.split("\n"))) == (0, "", {"fed", ""})
