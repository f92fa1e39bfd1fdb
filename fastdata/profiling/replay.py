"""One batch given again and again, to see what steps take when data costs nothing.

First the loader rests: its workers fill their queues and stop. Then it runs beside the steps, as
fast as it can: whatever these then take longer is what they lose to it by sharing cores and caches.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from fastdata.profiling.passes import Pass
from fastdata.profiling.plan import NORMAL, REPLAY_BESIDE, Plan

__all__ = ["Replay"]


class Replay:
    """Decides for each fetch of a training thread what it gets.

    Args:
        plan: Of the run.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._batch: Any = None
        self._beside: _Running | None = None
        self.phase = NORMAL

    def choose(self, one: Pass, take: Callable[[], Any], *, done: int) -> Callable[[], Any]:
        """How to get the next batch.

        Args:
            one: The pass that is asked.
            take: Gets it from the loader.
            done: Steps of the thread so far.
        """
        if not one.is_training or not self._plan.replay:
            return take
        self.phase = self._plan.phase(done)
        if self.phase != REPLAY_BESIDE and self._beside is not None:
            self._beside.stop()
            self._beside = None
        if self.phase == NORMAL or self._batch is None:
            self.phase = NORMAL
            return lambda: self._keep(take())
        if self.phase == REPLAY_BESIDE and self._beside is None:
            self._beside = _Running(take)
        return lambda: self._batch

    def _keep(self, batch: Any) -> Any:
        self._batch = batch
        return batch


class _Running:
    """Takes batches from a loader and drops them, until it is stopped or the loader has no more."""

    def __init__(self, take: Callable[[], Any]) -> None:
        self._take = take
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fastdata-replay", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns when nobody but the caller takes batches any more."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._take()
            except Exception:  # the end, or an error that the training thread will meet as well
                return
