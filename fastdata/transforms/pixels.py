"""What happens to the values of images, after all geometry."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from fastdata.errors import UsageError
from fastdata.transforms.base import Transform

__all__ = ["Normalize", "Pixels", "ToFloat"]


_FLOATS: Final = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class ToFloat(Transform):
    """Images become floats, values 0..1 (torchvision's ``ToDtype(dtype, scale=True)``).

    Attributes:
        dtype: "float32", "float16" or "bfloat16", or torch's name of it. Values are computed in
            float32 and rounded once.
    """

    dtype: Any = "float32"

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", _float_name(self, self.dtype))


@dataclass(frozen=True)
class Normalize(Transform):
    """Images become floats: (value / 255 - mean) / std, a channel at a time.

    `ToFloat` before it is allowed and changes nothing.

    Attributes:
        mean: One number a channel, on the scale 0..1.
        std: One positive number a channel.
        dtype: As in `ToFloat`.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    dtype: Any = "float32"

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", _float_name(self, self.dtype))
        object.__setattr__(self, "mean", tuple(map(float, self.mean)))
        object.__setattr__(self, "std", tuple(map(float, self.std)))
        is_finite = all(map(math.isfinite, self.mean + self.std))
        if len(self.mean) not in (1, 3) or len(self.mean) != len(self.std):
            raise UsageError(f"{self}: expected 1 or 3 numbers in mean, and as many in std")
        if not is_finite or min(self.std) <= 0:
            raise UsageError(f"{self}: expected finite numbers, and std above 0")


def _float_name(transform: Transform, dtype: Any) -> str:
    # A torch.dtype says "torch.float16" of itself; torch is not imported for it.
    name = str(dtype).removeprefix("torch.")
    if name not in _FLOATS:
        raise UsageError(f"{transform}: dtype={dtype!r}; expected {', '.join(_FLOATS)}")
    return name


@dataclass(frozen=True)
class Pixels:
    """Values of images as they are delivered: ``(value * scale - mean) / std`` of the uint8 value.

    Attributes:
        dtype: "uint8" leaves the values as they are; the others are computed in float32, and
            rounded once.
        scale: Factor of the uint8 value.
        mean: One number, or one a channel, subtracted after scaling.
        std: One number, or one a channel, divided by last.
    """

    dtype: Literal["uint8", "float32", "float16", "bfloat16"] = "uint8"
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def check_channels(self, channels: int) -> None:
        """Refuse a normalisation for another number of channels.

        Raises:
            UsageError: There are neither one nor `channels` means.
        """
        if len(self.mean) not in (1, channels):
            raise UsageError(
                f"Normalize has {len(self.mean)} means for images of {channels} channel(s); "
                f"give 1 or {channels}"
            )

    def factors(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Factor and offset a channel, float32, so that ``value * factor + offset`` is the result.

        One multiplication and one addition stay within 1e-6 of dividing step by step, for results
        of usual size (below 10).
        """
        std = np.array(self.std)
        factor, offset = self.scale / std, -np.array(self.mean) / std
        return factor.astype(np.float32), offset.astype(np.float32)
