"""The lane in which a process tells, at its end, where it waited for the GPU."""

from __future__ import annotations

from collections.abc import Iterable

from fastdata.profiling.clocks.syncs import SyncCensus, SyncPlace
from fastdata.profiling.lanes.channel import Channel, Lane
from fastdata.profiling.record import SyncSite

__all__ = ["SYNCS", "read_syncs", "tell_syncs"]

SYNCS = 10
"""Kind of such a lane."""


def tell_syncs(channel: Channel, census: SyncCensus) -> None:
    """Writes what was counted; of long paths, as much as a lane holds."""
    lane = channel.claim(SYNCS)
    if lane is not None:
        for place, count, seconds in census.rows():
            lane.tell(place=place, count=count, seconds=seconds)


def read_syncs(lanes: Iterable[Lane], *, pid: int) -> tuple[SyncSite, ...] | None:
    """What a process has counted; None where it told nothing.

    Args:
        lanes: Of all processes.
        pid: Of this one.
    """
    for lane in lanes:
        if lane.kind == SYNCS and lane.pid == pid:
            return tuple(
                SyncSite(
                    **SyncPlace(*fact["place"])._asdict(),
                    count=fact["count"],
                    seconds=fact["seconds"],
                )
                for fact in lane.facts()
            )
    return None
