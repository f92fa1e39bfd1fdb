"""Whole batches of records into whole batches of pixels, by the quickest core there is.

``FASTDATA_NATIVE`` chooses: ``auto`` (default) takes the compiled core where there is one,
``require`` insists on it, ``off`` takes the Pillow twin, which is the reference that every core is
tested against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fastdata.errors import FastDataError
from fastdata.geometry import Geometry
from fastdata.native import twin
from fastdata.native.compiled_core import CompiledCore
from fastdata.native.extension import compiled
from fastdata.native.jpeg_batches import CroppedJpegs
from fastdata.schema import Field
from fastdata.transforms import Pixels

__all__ = ["Core", "CroppedJpegs", "core"]


class Core(Protocol):
    """What a core can do; `fastdata.native.twin` documents the arguments."""

    @property
    def NAME(self) -> str:  # noqa: N802
        """The core's name, for `explain`."""

    def decode_batch(
        self,
        field: Field,
        records: Sequence[Any] | npt.NDArray[Any],
        sizes: npt.NDArray[np.integer],
        geometry: Geometry | None,
        pixels: Pixels | None,
        out: npt.NDArray[Any],
        *,
        threads: int,
        names: Callable[[int], str],
        stage_seconds: npt.NDArray[np.float64] | None = None,
    ) -> list[tuple[int, FastDataError]]:
        """Decode a batch into `out`; see `fastdata.native.twin.decode_batch`."""

    def crop_jpegs(
        self,
        records: Sequence[Any],
        boxes: npt.NDArray[np.integer],
        *,
        threads: int,
        names: Callable[[int], str],
        out: npt.NDArray[np.uint8] | None = None,
    ) -> CroppedJpegs:
        """Cut small JPEGs out of others; see `fastdata.native.jpeg_batches.crop_jpegs`."""

    def jpeg_kinds(
        self,
        records: Sequence[Any],
        sizes: npt.NDArray[np.integer],
        *,
        threads: int,
        names: Callable[[int], str],
        checks: bool = False,
    ) -> tuple[npt.NDArray[np.bool_], list[tuple[int, FastDataError]]]:
        """Find the plain JPEGs; see `fastdata.native.jpeg_batches.jpeg_kinds`."""

    def uniform(
        self,
        seed: int,
        epoch: int,
        indices: npt.NDArray[np.integer],
        operation: int,
        count: int,
    ) -> npt.NDArray[np.float64]:
        """Random numbers of samples, float64 (B, count); see `fastdata.philox.uniform`."""


def core() -> Core:
    """The core that ``FASTDATA_NATIVE`` and this installation call for.

    Raises:
        UsageError: The variable has another value, or requires a compiled core that is not there.
    """
    extension = compiled()
    return twin if extension is None else CompiledCore(extension)
