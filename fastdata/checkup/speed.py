"""How fast this machine decodes and resizes, with fastdata's core and with Pillow."""

from __future__ import annotations

import io
import statistics
import time
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from fastdata.checkup.finding import Finding
from fastdata.cores import FieldBatch, core
from fastdata.geometry import Geometry
from fastdata.schema import Image
from fastdata.timing import Clock, measure_rate
from fastdata.transforms import Resize
from fastdata.transforms.plan import plan

__all__ = ["Work", "decoding", "made_photo"]

# An ordinary photo of a training set, and the size that networks ask for.
PHOTO_SIZE = (375, 500)
RESULT_SIZE = (224, 224)
BATCH = 16
# The contenders take turns, so that a machine that slows down slows down both.
ROUNDS = 3


class Work:
    """Decodes a batch of made photos; each call is one round.

    Args:
        resized: Also resize to 224 x 224, bilinear.
        threads: Threads of fastdata's core.
    """

    def __init__(self, *, resized: bool, threads: int) -> None:
        self._record = made_photo()
        self._resized = resized
        self._threads = threads
        self._sizes = np.tile(np.array(PHOTO_SIZE, np.int32), (BATCH, 1))
        size = RESULT_SIZE if resized else PHOTO_SIZE
        self._out: npt.NDArray[Any] = np.empty((BATCH, *size, 3), np.uint8)
        self._geometry = self._draw() if resized else None
        self._core = core()

    def ours(self) -> int:
        """Decode a batch with fastdata's core; the number of photos."""
        batch = FieldBatch(
            field=Image(),
            records=[self._record] * BATCH,
            sizes=self._sizes,
            out=self._out,
            names=str,
            geometry=self._geometry,
        )
        self._core.decode_batch(batch, threads=self._threads)
        return BATCH

    def pillow(self) -> int:
        """Decode a batch with Pillow, in this thread; the number of photos."""
        for row in self._out:
            image: PillowImage.Image = PillowImage.open(io.BytesIO(self._record))
            if self._resized:
                height, width = RESULT_SIZE
                image = image.resize((width, height), PillowImage.Resampling.BILINEAR)
            row[...] = image
        return BATCH

    def _draw(self) -> Geometry:
        indices = np.arange(BATCH)
        return plan(Resize(RESULT_SIZE)).geometry(self._sizes, seed=0, epoch=0, indices=indices)


def decoding(*, seconds: float = 0.25, clock: Clock = time.perf_counter) -> tuple[Finding, ...]:
    """Photos a second in one thread, decoded and decoded with a resize, beside Pillow.

    Args:
        seconds: Least time of each of the twelve measurements.
        clock: Where the time is read.
    """
    return (
        _finding("decode", *_race(Work(resized=False, threads=1), seconds, clock)),
        _finding("decode + resize", *_race(Work(resized=True, threads=1), seconds, clock)),
    )


def made_photo() -> bytes:
    """A made JPEG of 375 x 500 pixels, about as large as a photo of that size."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (24, 32, 3), np.uint8)
    height, width = PHOTO_SIZE
    smooth = PillowImage.fromarray(coarse).resize((width, height), PillowImage.Resampling.BICUBIC)
    # Noise stands for texture: without it the file would be a fifth of a photo's.
    noisy = np.asarray(smooth, np.int16) + random.integers(-12, 13, (*PHOTO_SIZE, 1), np.int16)
    stream = io.BytesIO()
    pixels = PillowImage.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    pixels.save(stream, "JPEG", quality=85)
    return stream.getvalue()


def _race(work: Work, seconds: float, clock: Clock) -> tuple[float, float]:
    """Photos a second of fastdata's core and of Pillow, the median of some rounds each."""
    ours, pillow = [], []
    for _ in range(ROUNDS):
        ours.append(measure_rate(work.ours, seconds=seconds, clock=clock).per_second)
        pillow.append(measure_rate(work.pillow, seconds=seconds, clock=clock).per_second)
    return statistics.median(ours), statistics.median(pillow)


def _finding(name: str, ours: float, pillow: float) -> Finding:
    ratio = ours / pillow
    found = (
        f"{ours:,.0f} photos/s a core, {ratio:.1f} times Pillow's {pillow:,.0f} "
        f"(made JPEG, {PHOTO_SIZE[0]} x {PHOTO_SIZE[1]})"
    )
    # Timings of a busy machine scatter by a fifth; only a clear loss is one.
    if ratio < 0.8:
        return Finding(name, "warn", found, "see the line of the native core")
    return Finding(name, "ok", found)
