"""What a case is asked to do, and the stream of batches that it makes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

__all__ = ["MEAN", "SIZE", "STD", "Job", "Stream", "add_options", "job_of", "words_of"]

SIZE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, of pixels 0..1."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What all cases of a run share.

    Attributes:
        work: Folder that data.py filled.
        device: Where batches must arrive: "cuda", or "cpu" to try the cases without a GPU.
        batch: Images of a batch.
        batches: Batches after which a measurement ends.
        seconds: Time after which it ends although there were fewer.
        warm_up: Batches before each measurement that do not count.
        threads: Host threads or workers of each loader.
    """

    work: Path
    device: str = "cuda"
    batch: int = 256
    batches: int = 150
    seconds: float = 10.0
    warm_up: int = 10
    threads: int = 2

    @property
    def files(self) -> Path:
        """A folder with one folder of JPEG files."""
        return self.work / "files"

    @property
    def pack(self) -> Path:
        """The same images as fastdata's pack."""
        return self.work / "pictures.lmdb"


@dataclass(frozen=True)
class Stream:
    """Endless batches.

    Attributes:
        batches: Images (batch, 3, SIZE, SIZE) float16, normalised, and int64 labels (batch,), both
            on the device; images in the order of memory that the loader gives.
        settings: What was chosen for the loader, in words.
        packages: Installed packages whose versions matter.
    """

    batches: Iterator[tuple[torch.Tensor, torch.Tensor]]
    settings: str
    packages: tuple[str, ...] = ()


NUMBERS = {
    "batch": "images of a batch",
    "batches": "a measurement ends after so many batches",
    "seconds": "or after so many seconds",
    "warm_up": "batches before a measurement that do not count",
}


def add_options(parser: argparse.ArgumentParser, threads: int) -> None:
    """Those that `Job` has, but for `work`."""
    parser.add_argument(
        "--device",
        choices=("cuda", "cpu"),
        default="cuda",
        help="cpu tries the cases without a GPU; its figures say nothing",
    )
    for name, meaning in NUMBERS.items():
        default = getattr(Job, name)
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=type(default),
            default=default,
            help=f"{meaning}; default {default}",
        )
    parser.add_argument(
        "--threads",
        type=int,
        default=threads,
        help=f"host threads or workers of each loader; default: all cores, {threads} here",
    )


def job_of(work: Path, options: argparse.Namespace) -> Job:
    """The job that a command line asks for."""
    names = ("device", *NUMBERS, "threads")
    return Job(work=work, **{name: getattr(options, name) for name in names})


def words_of(job: Job) -> Sequence[str]:
    """The command line that asks for this job."""
    names = ("device", *NUMBERS, "threads")
    pairs = ((f"--{name.replace('_', '-')}", str(getattr(job, name))) for name in names)
    return [word for pair in pairs for word in pair]
