"""What the ranks agree on when they close a step: its samples, and whether the run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastdata.training.accumulate import Window
from fastdata.training.peers import Peers
from fastdata.training.progress import Progress
from fastdata.training.sigterm import Termination

__all__ = ["Agreement", "StopWanted"]


class StopWanted(BaseException):
    """SIGTERM came, and the run is where it can be saved; no error, so that nothing swallows it."""


class Agreement:
    """One process may stop after any batch, several ranks only after the same step.

    Args:
        termination: Notes SIGTERM on this rank.
        peers: All ranks.
        window: The step under way.
        progress: Told whether a step ends its epoch.
    """

    def __init__(
        self, termination: Termination, peers: Peers, *, window: Window, progress: Progress
    ) -> None:
        self._termination = termination
        self._peers = peers
        self._window = window
        self._progress = progress
        self._all_stop = False

    def close_step(self, samples: int, *, is_last: bool) -> int:
        """Samples of all ranks in the step that is being closed; 0 when none has any left.

        Args:
            samples: Of this rank's last batch in the step; 0 where it has none left.
            is_last: Whether this rank knows of no batch after it in the epoch.
        """
        total, stops, ends = self._peers.sum(
            [self._window.samples + samples, self._termination.is_wanted, is_last]
        )
        self._all_stop = stops > 0
        self._progress.ends_epoch = ends == self._peers.world
        return int(total)

    def check_stop(self) -> None:
        """Raises where the run is to stop, and can be saved as it is.

        Raises:
            StopWanted: Here.
        """
        alone = self._peers.world == 1
        wanted = self._termination.is_wanted
        if (alone and wanted) or (self._all_stop and not self._window.is_open):
            raise StopWanted

    def until_workers_end(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The batches; they end without an error where SIGTERM reached the loader's workers too.

        Several ranks must stop at the same step: this one goes on without batches until then.
        """
        try:
            yield from batches
        except Exception as error:
            if not self._termination.is_wanted:
                raise
            if self._peers.world == 1:
                raise StopWanted from error
