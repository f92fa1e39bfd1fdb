"""Sums of the stages of a worker, in its lane.

What a batch that was not split took is added up as a whole. A reader divides it as those that were
split let expect, so that such a batch costs one write, and nothing that was written is lost with a
worker that is killed.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from fastdata.profiling.clocks.splitting import MakeUp, StageKey
from fastdata.profiling.lanes.channel import RINGS_AT, Lane

__all__ = ["STAGE_SUMS_END", "StageSums", "StageTotals", "stage_totals"]

_MOST_STAGES = 128
# Count and seconds; count in a batch that was not split, and share of its seconds.
_STAGE = struct.Struct("<4d")
_UNSPLIT_AT = RINGS_AT + _MOST_STAGES * _STAGE.size
# Batches and seconds.
_UNSPLIT = struct.Struct("<2d")

STAGE_SUMS_END = _UNSPLIT_AT + _UNSPLIT.size
"""Where they end, in bytes from the lane's beginning."""

StageTotals = dict[StageKey, tuple[int, float]]


class StageSums:
    """Writes them; one that follows in the same lane goes on adding.

    Args:
        lane: Claimed for the worker.

    Attributes:
        make_up: Of batches that are not split.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._places = {key: place for place, key in enumerate(_stage_names(lane))}
        self._totals = stage_totals(lane)
        self._unsplit = 0, 0.0
        self.make_up = MakeUp()
        self._write_all()

    def add(self, key: StageKey, *, count: int, seconds: float) -> None:
        """Adds time to a stage."""
        before, total = self._totals.get(key, (0, 0.0))
        self._totals[key] = before + count, total + seconds
        self._write(key)

    def add_split(self, stages: Mapping[StageKey, tuple[int, float]]) -> None:
        """Adds a batch that was split."""
        for key, (count, seconds) in stages.items():
            self.add(key, count=count, seconds=seconds)
        # Those before it were made up as it is, rather than as those were that are longer ago.
        self.make_up.learn(stages)
        batches, unsplit = self._unsplit
        for key, (in_batch, share) in self.make_up.parts.items():
            self.add(key, count=round(batches * in_batch), seconds=unsplit * share)
        self._unsplit = 0, 0.0
        self._write_all()

    def add_unsplit(self, seconds: float) -> None:
        """Adds one that was not; others were, before it."""
        batches, before = self._unsplit
        self._unsplit = batches + 1, before + seconds
        _UNSPLIT.pack_into(self._lane.memory, self._lane.at + _UNSPLIT_AT, *self._unsplit)

    def _write_all(self) -> None:
        _UNSPLIT.pack_into(self._lane.memory, self._lane.at + _UNSPLIT_AT, *self._unsplit)
        for key in list(self._totals):
            self._write(key)

    def _write(self, key: StageKey) -> None:
        place = self._places.get(key)
        if place is None:
            place = len(self._places)
            if place == _MOST_STAGES:
                return
            self._places[key] = place
            stage, operation = key
            self._lane.tell(stage=stage, operation=operation)
        at = self._lane.at + RINGS_AT + place * _STAGE.size
        parts = self.make_up.parts.get(key, (0.0, 0.0))
        _STAGE.pack_into(self._lane.memory, at, *self._totals[key], *parts)


def _stage_names(lane: Lane) -> list[StageKey]:
    return [(fact["stage"], fact["operation"]) for fact in lane.facts() if "stage" in fact]


def stage_totals(lane: Lane) -> StageTotals:
    """How often each stage and operation of a lane ran, and the seconds of its own."""
    found: StageTotals = {}
    batches, unsplit = _UNSPLIT.unpack_from(lane.memory, lane.at + _UNSPLIT_AT)
    for place, key in enumerate(_stage_names(lane)):
        at = lane.at + RINGS_AT + place * _STAGE.size
        count, seconds, in_batch, share = _STAGE.unpack_from(lane.memory, at)
        found[key] = round(count + batches * in_batch), seconds + unsplit * share
    return found
