"""Parts of a training that take as long as they are told, each where real ones take their time.

They sleep instead of computing, so that a busy machine disturbs them little.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

__all__ = ["Collate", "Delays", "SlowModel", "SlowOptimizer", "SlowPictures", "copied"]


@dataclass(frozen=True, kw_only=True)
class Delays:
    """Seconds that each part of one batch, or one step, takes.

    Attributes:
        read: Of a picture's file.
        decode: Of the picture.
        transform: In one operation.
        collate: Of the batch.
        copy: To the device.
        forward: Through the model.
        backward: Through the model.
        optimizer: One step of it.
    """

    read: float = 0.0
    decode: float = 0.0
    transform: float = 0.0
    collate: float = 0.0
    copy: float = 0.0
    forward: float = 0.0
    backward: float = 0.0
    optimizer: float = 0.0


def _sleep(seconds: float) -> None:
    if seconds:
        time.sleep(seconds)


class _SlowFile(io.BytesIO):
    """A file that takes its time once, at the first read after `seconds` was set."""

    seconds = 0.0

    def read(self, size: int | None = -1, /) -> bytes:
        seconds, self.seconds = self.seconds, 0.0
        _sleep(seconds)
        return super().read(size)


class _Scale:
    """An operation on a picture."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self, picture: Image.Image) -> Image.Image:
        _sleep(self.seconds)
        return picture.resize((2, 2))


class _ToNumber:
    """The last operation on a picture."""

    def __call__(self, picture: Image.Image) -> float:
        return picture.tobytes()[0] / 255.0


class _Compose:
    """Operations one after the other, as in torchvision."""

    def __init__(self, transforms: list[Any]) -> None:
        self.transforms = transforms

    def __call__(self, value: Any) -> Any:
        for operation in self.transforms:
            value = operation(value)
        return value


class SlowPictures(Dataset[Any]):
    """Pictures of 8 x 8 pixels in memory; a sample is its pixel and how long it really took.

    Both are plain numbers: a tensor that a worker sends costs the one who gets it up to 2 ms, for
    which no model of the loader accounts.

    Args:
        count: Of samples.
        delays: Of one sample.
    """

    def __init__(self, count: int, delays: Delays) -> None:
        stored = io.BytesIO()
        Image.new("L", (8, 8), 128).save(stored, "PNG")
        self._stored = stored.getvalue()
        self._count = count
        self._delays = delays
        self.transform = _Compose([_Scale(delays.transform), _ToNumber()])

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[float, float]:
        start = time.perf_counter()
        file = _SlowFile(self._stored)
        picture = Image.open(file)
        picture.load_prepare = self._slowly(picture.load_prepare)  # type: ignore[method-assign]
        file.seconds = self._delays.read
        value = self.transform(picture)
        return value, time.perf_counter() - start

    def _slowly(self, prepare: Any) -> Any:
        def slow() -> None:
            _sleep(self._delays.decode)
            prepare()

        return slow


class Collate:
    """Gives the only sample of a batch, later.

    Args:
        seconds: How much.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, samples: list[Any]) -> Any:
        """The only one of these samples."""
        _sleep(self._seconds)
        return samples[0]


class _SlowTensor(torch.Tensor):
    """A tensor that is slow to copy."""

    seconds = 0.0

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.__name__ == "to":
            _sleep(cls.seconds)
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))


def copied(values: torch.Tensor, seconds: float) -> torch.Tensor:
    """The values, moved to the CPU in so many seconds."""
    _SlowTensor.seconds = seconds
    return values.as_subclass(_SlowTensor).to("cpu").as_subclass(torch.Tensor)


class _SlowBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, seconds: float) -> torch.Tensor:
        ctx.seconds = seconds
        return values.clone()

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        _sleep(ctx.seconds)
        return grads[0], None


class SlowModel(nn.Module):
    """One weight.

    Args:
        delays: Of forward and backward.
    """

    def __init__(self, delays: Delays) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self._delays = delays

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """The mean of the weighted values."""
        _sleep(self._delays.forward)
        weighted = (values * self.weight).mean()
        result: torch.Tensor = _SlowBackward.apply(weighted, self._delays.backward)  # type: ignore[no-untyped-call]
        return result


class SlowOptimizer(torch.optim.SGD):
    """Gradient descent, later.

    Args:
        model: What it trains.
        delays: Of its step.
    """

    def __init__(self, model: nn.Module, delays: Delays) -> None:
        super().__init__(model.parameters(), lr=0.01)
        self._seconds = delays.optimizer

    def step(self, closure: Any = None) -> Any:
        """One step."""
        _sleep(self._seconds)
        return super().step(closure)
