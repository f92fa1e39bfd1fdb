"""Steps on other batches than the loader's next ones, to see what they then take.

While the loader rests (its workers fill their queues and stop), one batch is given again and again:
what a step takes when data costs nothing. Then a second iterator of the loader, with as many
workers or threads as a verdict would ask for, makes the steps' batches, and after it one with the
loader's own number reads the same samples once more. At last the one batch is given while the
loader runs as fast as it can: what steps then take longer they lose to it by sharing cores and
caches.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from fastdata.hardware import read_machine, read_ranks
from fastdata.profiling.clocks.passes import Pass
from fastdata.profiling.clocks.plan import (
    MORE_WORKERS,
    NORMAL,
    REPLAY_BESIDE,
    WARM_CACHE,
    Plan,
    wanted_workers,
)
from fastdata.profiling.recorders.describe import loader_facts

__all__ = ["Replay"]


class Replay:
    """Decides for each fetch of a training thread what it gets.

    Args:
        plan: Of the run.
        tell: Takes facts down: the number of workers that were tried, and why what was not.

    Attributes:
        phase: What the fetch is for that was chosen or done last.
    """

    def __init__(self, plan: Plan, tell: Callable[..., None]) -> None:
        self._plan = plan
        self._tell = tell
        self._batch: Any = None
        self._beside: _Running | None = None
        self._second: Any = None
        self._second_of: tuple[Pass | None, int] = (None, NORMAL)
        self._given_up: set[tuple[Pass | None, int]] = set()
        self._read: list[Any] = []
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
        if self._second_of != (one, self.phase):
            self._end_second()
        if self.phase != REPLAY_BESIDE:
            self._end_beside()
        if self.phase == NORMAL or self._batch is None:
            self.phase = NORMAL
            return lambda: self._keep(take())
        if self.phase in (MORE_WORKERS, WARM_CACHE):
            return self._from_second(one)
        if self.phase == REPLAY_BESIDE:
            self._beside = self._beside or _Running(take)
            if self._beside.is_over:
                self.phase = NORMAL
        return lambda: self._batch

    def close(self) -> None:
        """Ends what was begun; the last step has been done."""
        self._end_second()
        self._end_beside()

    def _keep(self, batch: Any) -> Any:
        self._batch = batch
        return batch

    def _from_second(self, one: Pass) -> Callable[[], Any]:
        key = one, self.phase
        if self._second is None and key not in self._given_up:
            self._second_of = key
            self._guarded(lambda: self._begin_second(one))
        return lambda: self._guarded(lambda: next(self._second))

    def _guarded(self, call: Callable[[], Any]) -> Any:
        """What `call` gives; where it cannot, the one batch, and the step is for nothing."""
        if self._second_of not in self._given_up:
            try:
                return call()
            except StopIteration:
                self._give_up("the epoch ended too early")
            except Exception as error:
                self._give_up(f"a second iterator failed: {type(error).__name__}: {error}")
        self.phase = NORMAL
        return self._batch

    def _give_up(self, why: str) -> None:
        self._given_up.add(self._second_of)
        self._tell(**{f"untried_{self._second_of[1]}": why})
        if self._second is not None:
            self._second.close()

    def _begin_second(self, one: Pass) -> None:
        again, facts = one.again, loader_facts(one.loader)
        if again.objection is not None:
            self._give_up(again.objection)
        elif self.phase == MORE_WORKERS:
            # Where no more are wanted, its own number reads what is read once more afterwards.
            cores = read_machine().cores // read_ranks().local_world
            wanted = wanted_workers(facts, cores=max(1, cores))
            self._tell(tried_workers=wanted)
            self._second = again.fresh(wanted, self._plan.replay)
        else:
            self._second = again.over(self._read)

    def _end_second(self) -> None:
        if self._second is not None:
            self._second.close()
            if self._second_of[1] == MORE_WORKERS:
                self._read += self._second.given
        self._second, self._second_of = None, (None, NORMAL)

    def _end_beside(self) -> None:
        if self._beside is not None:
            self._beside.stop()
            self._beside = None


class _Running:
    """Takes batches from a loader and drops them, until it is stopped or the loader has no more."""

    def __init__(self, take: Callable[[], Any]) -> None:
        self._take = take
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fastdata-replay", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether the loader has no more."""
        return not self._thread.is_alive()

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
