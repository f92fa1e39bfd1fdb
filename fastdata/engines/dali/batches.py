"""The batches of one epoch: images from the pipeline, all other fields beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fastdata.engines.buffers import Resources
from fastdata.engines.dali.images import ImageInputs
from fastdata.engines.dali.schedule import Schedule
from fastdata.engines.maker import PackMaker
from fastdata.engines.work import EMPTY, Indices, Made, MadeAhead, Report, Skip, Task
from fastdata.errors import WorkerError

__all__ = ["DaliBatches", "HostParts", "Prepare"]

# Of what DALI says, which may be a page.
_MESSAGE_CHARACTERS = 600


class HostParts(NamedTuple):
    """What becomes of the fields of a batch that are made on the host.

    Attributes:
        send: Brings a batch to where it is wanted, on the thread that made it; fields that are
            None stay so.
        join: What `send` gave, and images by field, to one batch that is wanted there.
    """

    send: Callable[[Any], Any]
    join: Callable[[Any, Mapping[str, Any]], Any]


class _Prepared(NamedTuple):
    """A batch whose images are being made.

    Attributes:
        task: What it holds.
        inputs: What is fed into the pipeline for them.
        sent: All of it but those images, on its way; None when it is empty.
        kept: Samples in it, int64 (B,).
        skipped: Samples that were left out.
    """

    task: Task
    inputs: dict[str, Any]
    sent: Any
    kept: Indices
    skipped: tuple[Skip, ...]


class Prepare:
    """Begins with a batch: a `Make` whose batch is a `_Prepared`, or the error that came instead.

    An error is given, not raised, since a producer forgets after one what it has made ahead, which
    the pipeline would make all the same.

    Args:
        maker: Knows the fields.
        images: Makes what is fed into the pipeline.
        resources: Threads and memory for the other fields.
        schedule: Where the pipeline gets it.
        parts: What becomes of the other fields.
    """

    def __init__(
        self,
        maker: PackMaker,
        images: ImageInputs,
        resources: Resources,
        schedule: Schedule,
        parts: HostParts,
    ) -> None:
        self._maker = maker
        self._images = images
        self._resources = resources
        self._schedule = schedule
        self._parts = parts

    def __call__(self, task: Task) -> Made:
        """The batch of a task; of size 1, because it is to be looked at also when it is empty."""
        try:
            return Made(self._begun(task), 1)
        except Exception as error:
            return Made(error, 1)

    def _begun(self, task: Task) -> _Prepared:
        kept, values, skipped = self._maker.values(task, self._resources, self._images)
        if not len(kept):
            return _Prepared(task, {}, None, kept, skipped)
        inputs = {name: values.pop(name) for name in self._maker.rendered_images}
        sent = self._parts.send(self._maker.batch(values))
        # Last, because whatever is added must be taken.
        self._schedule.add(inputs)
        return _Prepared(task, inputs, sent, kept, skipped)


class DaliBatches:
    """Hands out the batches of one epoch, in order.

    Args:
        prepared: Gives `_Prepared`.
        maker: Makes the batches on which the pipeline fails.
        schedule: Gives their images.
        report: Told of skipped samples.
        parts: What becomes of the other fields.
    """

    def __init__(
        self,
        prepared: MadeAhead,
        maker: PackMaker,
        schedule: Schedule,
        report: Report,
        parts: HostParts,
    ) -> None:
        self._prepared = prepared
        self._maker = maker
        self._schedule = schedule
        self._report = report
        self._parts = parts

    def begin(self) -> None:
        """Has the first batches cut, fed and begun with, where there is a thread for it."""
        self._prepared.begin()

    def __next__(self) -> Any:
        entry = next(self._prepared)
        if isinstance(entry, Exception):
            raise entry
        if not len(entry.kept):
            return self._told(EMPTY, entry.skipped)
        try:
            images = self._schedule.take(entry.inputs)
        except Exception as error:
            made = self._made_without(entry, error)
            return self._told(self._parts.send(made.batch) if made.size else EMPTY, made.skipped)
        # The layout of a batch; nothing is copied.
        laid_out = {name: image.permute(0, 3, 1, 2) for name, image in images.items()}
        return self._told(self._parts.join(entry.sent, laid_out), entry.skipped)

    def _told(self, batch: Any, skipped: tuple[Skip, ...]) -> Any:
        if skipped:
            self._report(skipped)
        return batch

    def _made_without(self, entry: _Prepared, error: Exception) -> Made:
        """The batch on which DALI failed, made by the core, which knows the sample to blame.

        Raises:
            WorkerError: No sample is to blame: the GPU was lost, or there is no memory.
        """
        made = self._maker.make(entry.task)
        if len(made.skipped) > len(entry.skipped):
            return made
        key = self._maker.key(int(entry.task.indices[0]))
        said = " ".join(str(error).split())[:_MESSAGE_CHARACTERS]
        raise WorkerError(
            f"DALI failed on the batch of {len(entry.task.indices)} samples that begins with "
            f"{key}, which the 'cpu' engine can make; use engine='cpu', or see what DALI says: "
            f"{said}"
        ) from error
