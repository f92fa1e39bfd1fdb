"""Checkpoints of a run under way, by all of its ranks together."""

from __future__ import annotations

import time
from pathlib import Path

from fastdata.errors import CheckpointError, UsageError
from fastdata.training import checkpoint
from fastdata.training.keeping import Keeper
from fastdata.training.records import CheckpointRecord, Report
from fastdata.training.snapshot import Snapshot

__all__ = ["Saving", "starting_point"]


class Saving:
    """Saves snapshots.

    Args:
        snapshot: Of the run.
        keeper: Of the folder.
        report: Told of each.
    """

    def __init__(self, snapshot: Snapshot, keeper: Keeper, report: Report) -> None:
        self._snapshot = snapshot
        self._keeper = keeper
        self._report = report

    def save(self, value: float | None) -> None:
        """Saves the run as it is; when this returns, on any rank, it is on the disk.

        Args:
            value: Of the monitored metric at this step, or None.
        """
        start, peers, progress = time.perf_counter(), self._snapshot.peers, self._snapshot.progress
        state = self._snapshot.take()
        if peers.rank == 0:
            within = self._snapshot.window.batches
            name = f"{progress.step:08d}" + (f"+{within}" if within else "")
            path, facts = self._keeper.save(state, name=name, step=progress.step, value=value)
            self._report(
                CheckpointRecord(
                    step=progress.step,
                    path=path,
                    size_bytes=facts.size_bytes,
                    seconds=time.perf_counter() - start,
                )
            )
        peers.sum([0.0])


def starting_point(
    resume: bool | str | Path, keeper: Keeper | None, snapshot: Snapshot
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
    seen = snapshot.peers.gather(str(found[1]["progress"] if found else None).encode())
    if len(set(seen)) > 1:
        raise CheckpointError(
            "ranks found different checkpoints; put the folder on storage that all machines share"
        )
    if keeper is not None and snapshot.peers.rank == 0:
        keeper.remove_broken_off()
    if found is None:
        return None
    snapshot.put_back(found[1])
    return found[0]
