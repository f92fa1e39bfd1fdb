"""Checkpoints of a run under way, by all of its ranks together."""

from __future__ import annotations

import time
from pathlib import Path

from fastdata.errors import CheckpointError, UsageError
from fastdata.training import checkpoint
from fastdata.training.keeping import Keeper
from fastdata.training.records import CheckpointRecord, Report
from fastdata.training.state import RunState

__all__ = ["Saving", "starting_point"]


class Saving:
    """Saves snapshots.

    Args:
        state: Of the run.
        keeper: Of the folder.
        report: Told of each.
    """

    def __init__(self, state: RunState, keeper: Keeper, report: Report) -> None:
        self._state = state
        self._keeper = keeper
        self._report = report
        self._last_name: str | None = None

    def save(self, value: float | None, *, again: bool = False) -> None:
        """Saves the run as it is; when this returns, on any rank, it is on the disk.

        The end of an epoch is the place of its last step: what was saved after that is not saved
        once more.

        Args:
            value: Of the monitored metric at this step, or None.
            again: Replaces a checkpoint of this place, which lacks the value.
        """
        if self._name() == self._last_name and not again:
            return
        start, peers, step = time.perf_counter(), self._state.peers, self._state.progress.step
        state = self._state.state_dict()
        if peers.rank == 0:
            path, facts = self._keeper.save(state, name=self._name(), step=step, value=value)
            self._report(
                CheckpointRecord(
                    step=step,
                    path=path,
                    size_bytes=facts.size_bytes,
                    seconds=time.perf_counter() - start,
                )
            )
        peers.sum([0.0])
        self.saved_here()

    def saved_here(self) -> None:
        """Notes that there is a checkpoint of this place."""
        self._last_name = self._name()

    def _name(self) -> str:
        within = self._state.window.batches
        return f"{self._state.progress.step:08d}" + (f"+{within}" if within else "")


def starting_point(
    resume: bool | str | Path, keeper: Keeper | None, state: RunState
) -> Path | None:
    """Puts the run where `resume` says, and gives the checkpoint that this came from.

    Raises:
        CheckpointError: No checkpoint can be trusted, or ranks see different ones.
        UsageError: There is no folder to look in, or it holds a run that is not to go on.
    """
    if resume is False:
        if keeper:
            raise UsageError(
                f"{keeper.folder} holds the checkpoints of another run; go on with it by "
                "resume=True, or choose another folder"
            )
        return None
    if resume is not True:
        path = Path(resume)
        found: tuple[Path, dict[str, object]] | None = path, checkpoint.load(path)
    elif keeper is None:
        raise UsageError("resume=True needs the run's folder; give it to the Trainer as folder=")
    else:
        found = keeper.newest()
    seen = state.peers.gather(str(found[1]["progress"] if found else None).encode())
    if len(set(seen)) > 1:
        raise CheckpointError(
            "ranks found different checkpoints; put the folder on storage that all machines share"
        )
    if keeper is not None and state.peers.rank == 0:
        keeper.remove_broken_off()
    if found is None:
        return None
    state.load_state_dict(found[1])
    return found[0]
