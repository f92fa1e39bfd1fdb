"""The batches of one epoch: images from the pipeline, all other fields beside them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from fastdata.engines.buffers import Resources
from fastdata.engines.dali.images import ImageInputs
from fastdata.engines.dali.pool import PipelinePool, Schedule
from fastdata.engines.maker import PackMaker
from fastdata.engines.work import EMPTY, Batches, Indices, Made, Report, Skip, Task
from fastdata.errors import WorkerError

__all__ = ["DaliBatches", "Prepare"]

# Of what DALI says, which may be a page.
_MESSAGE_CHARACTERS = 600


class _Prepared(NamedTuple):
    """A batch before its images are made.

    Attributes:
        task: What it holds.
        values: By field; of an image field, what is fed into the pipeline.
        kept: Samples in it, int64 (B,).
        skipped: Samples that were left out.
    """

    task: Task
    values: dict[str, Any]
    kept: Indices
    skipped: tuple[Skip, ...]


class Prepare:
    """Makes all of a batch that the pipeline does not; a `Make` whose batch is a `_Prepared`.

    Args:
        maker: Knows the fields.
        images: Makes what is fed into the pipeline.
        resources: Threads and memory for the other fields.
    """

    def __init__(self, maker: PackMaker, images: ImageInputs, resources: Resources) -> None:
        self._maker = maker
        self._images = images
        self._resources = resources

    def __call__(self, task: Task) -> Made:
        """The batch of a task; of size 1, because it is to be looked at also when it is empty."""
        kept, values, skipped = self._maker.values(task, self._resources, self._images)
        return Made(_Prepared(task, values, kept, skipped), 1)


class DaliBatches:
    """Hands out the batches of one epoch, in order.

    Args:
        prepared: Gives `_Prepared`.
        maker: Puts batches together, and makes those on which the pipeline fails.
        pool: Has the pipelines.
        report: Told of skipped samples.
        send: Called with each batch before it is handed out, or None.
        depth: Batches in the pipeline at once, at least 1.
    """

    def __init__(
        self,
        prepared: Batches,
        maker: PackMaker,
        pool: PipelinePool,
        report: Report,
        *,
        send: Callable[[Any], Any] | None,
        depth: int,
    ) -> None:
        self._prepared = prepared
        self._maker = maker
        self._names = tuple(maker.rendered_images)
        self._schedule = Schedule(pool)
        self._report = report
        self._send = send
        self._depth = depth
        self._waiting: deque[_Prepared | Exception] = deque()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        while len(self._waiting) < self._depth and self._feed():
            pass
        if not self._waiting:
            raise StopIteration
        entry = self._waiting.popleft()
        if isinstance(entry, Exception):
            raise entry
        if not len(entry.kept):
            return self._handed(Made(None, 0, entry.skipped))
        try:
            images = self._schedule.take()
        except Exception as error:
            return self._handed(self._made_without(entry, error))
        return self._handed(
            Made(self._maker.batch(entry.values | images), len(entry.kept), entry.skipped)
        )

    def _feed(self) -> bool:
        """Begins with one more batch; an error of it waits for its turn."""
        try:
            entry = next(self._prepared)
        except StopIteration:
            return False
        except Exception as error:
            self._waiting.append(error)
            return True
        self._waiting.append(entry)
        if len(entry.kept):
            self._schedule.add({name: entry.values[name] for name in self._names})
        return True

    def _handed(self, made: Made) -> Any:
        if made.skipped:
            self._report(made.skipped)
        if not made.size:
            return EMPTY
        return made.batch if self._send is None else self._send(made.batch)

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
