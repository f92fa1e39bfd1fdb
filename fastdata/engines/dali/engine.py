"""The DALI engine of one loader."""

from __future__ import annotations

import atexit
import functools
import weakref
from collections.abc import Iterator
from typing import Any, Final

import torch

from fastdata.engines.buffers import Allocate, Resources
from fastdata.engines.dali.batches import DaliBatches, HostParts, Prepare
from fastdata.engines.dali.images import ImageInputs
from fastdata.engines.dali.inputs import ImageSpec, PipelineSpec
from fastdata.engines.dali.pool import PipelinePool
from fastdata.engines.dali.schedule import Schedule
from fastdata.engines.dali.tuning import Tuning
from fastdata.engines.maker import PackMaker
from fastdata.engines.prefetch import Prefetched, Synchronous
from fastdata.engines.work import Batches, MadeAhead, Report, Task
from fastdata.native.extension import compiled
from fastdata.transforms import HorizontalFlip, Plan, Rotate90, Transform, VerticalFlip

__all__ = ["DaliEngine"]

_DEFAULTS: Final = Tuning()


class DaliEngine:
    """Makes batches of a pack with DALI.

    Args:
        maker: Knows the fields and transforms; at least one image field is rendered.
        device: Where images are made: main memory for None and "cpu", or a GPU.
        threads: Host threads; 0 makes each batch when it is asked for.
        batch_size: Samples in a batch, as far as known.
        depth: Batches in the pipeline and ready; one more is being cut.
        timeout_seconds: Longest wait for a batch to be fed; 0 waits for ever.
        tuning: How the pipeline is made fast on a GPU.
    """

    def __init__(
        self,
        maker: PackMaker,
        *,
        device: Any,
        threads: int,
        batch_size: int,
        depth: int,
        timeout_seconds: float,
        tuning: Tuning = _DEFAULTS,
    ) -> None:
        self._maker = maker
        self._threads = threads
        self._timeout_seconds = timeout_seconds
        self._gpu = _gpu(device)
        in_pipeline = depth if self._gpu is None else max(depth, tuning.in_flight)
        # And one whose files are being cut.
        self._depth = in_pipeline + 1
        # Without the compiled core, whose search for restart markers is quick, DALI cuts.
        cuts = compiled() is not None and (tuning.cuts or self._gpu is None)
        takes_parts = maker.plan.moves_pixels and not cuts
        self._images = ImageInputs(
            maker.fields, takes_parts=takes_parts, threads=max(1, threads), ahead=self._depth
        )
        self._pool = PipelinePool(
            PipelineSpec(
                images=_specs(maker, takes_parts=takes_parts),
                gpu=self._gpu,
                threads=max(1, threads),
                batch_size=batch_size,
                tuning=tuning,
            )
        )

    def batches(
        self, tasks: Iterator[Task], report: Report, allocate: Allocate, parts: HostParts
    ) -> Batches:
        """The batches of one epoch.

        Args:
            tasks: What each holds.
            report: Told of skipped samples.
            allocate: Gives memory for the fields that are made on the host.
            parts: What becomes of those fields.
        """
        schedule = Schedule(self._pool)
        resources = Resources(max(1, self._threads), allocate)
        prepare = Prepare(self._maker, self._images, resources, schedule, parts)
        prepared: MadeAhead
        if not self._threads:
            prepared = Synchronous(tasks, prepare, report)
        else:
            prepared = Prefetched(
                tasks, prepare, report, depth=self._depth, timeout_seconds=self._timeout_seconds
            )
            _end_before_dali(prepared)
        return DaliBatches(prepared, self._maker, schedule, report, parts)


# Whose threads call DALI.
_PRODUCERS: weakref.WeakSet[Prefetched] = weakref.WeakSet()


def _end_before_dali(producer: Prefetched) -> None:
    """Ends a thread with the program, before DALI ends its pipelines there."""
    _PRODUCERS.add(producer)
    _register_end()


@functools.cache
def _register_end() -> None:
    # What is registered last is called first, and DALI has been imported.
    atexit.register(_end_producers)


def _end_producers() -> None:
    for producer in list(_PRODUCERS):
        producer.close()


def _specs(maker: PackMaker, *, takes_parts: bool) -> tuple[ImageSpec, ...]:
    plan = maker.plan
    turns = _has(plan, Rotate90)
    return tuple(
        ImageSpec(
            name=name,
            channels=field.channels,
            is_encoded=field.codec != "raw",
            takes_parts=takes_parts and field.codec != "raw",
            moves_pixels=plan.moves_pixels,
            turns=turns,
            # A quarter turn exchanges what was flipped before it.
            hflips=_has(plan, HorizontalFlip) or (turns and _has(plan, VerticalFlip)),
            vflips=_has(plan, VerticalFlip) or (turns and _has(plan, HorizontalFlip)),
            pixels=plan.pixels,
        )
        for name, field in maker.rendered_images.items()
    )


def _has(plan: Plan, kind: type[Transform]) -> bool:
    return any(isinstance(entry, kind) for entry in plan.transforms)


def _gpu(device: Any) -> int | None:
    wanted = torch.device("cpu" if device is None else device)
    if wanted.type == "cpu":
        return None
    return torch.cuda.current_device() if wanted.index is None else wanted.index
