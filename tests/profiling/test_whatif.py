"""What a profile predicts is what happens when it is done."""

from __future__ import annotations

import pytest

from fastdata.profiling.record import WhatIf
from fastdata.profiling.selfcheck.known import train_known
from fastdata.profiling.selfcheck.sleepers import Delays


def predicted(what_ifs: tuple[WhatIf, ...], name: str) -> WhatIf:
    (found,) = (one for one in what_ifs if one.name == name)
    assert found.kind == "modelled"
    return found


@pytest.mark.parametrize("workers", [0, 1])
def test_more_workers_do_what_was_predicted_of_them(workers: int) -> None:
    delays = Delays(decode=0.08, forward=0.02)
    before = train_known(delays, workers=workers, steps=20).profile
    more = max(1, 2 * workers)
    what_if = predicted(before.what_if, f"with {more} workers instead of {workers}")
    after = train_known(delays, workers=more, steps=20).profile
    assert after.wall_seconds is not None and before.wall_seconds is not None
    assert what_if.step_seconds.low * 0.95 <= after.wall_seconds <= what_if.step_seconds.high
    assert after.wall_seconds < before.wall_seconds - 0.01


def test_a_batch_that_is_there_and_a_warm_cache() -> None:
    before = train_known(Delays(read=0.06, decode=0.02, forward=0.01), workers=1, steps=20).profile
    there = predicted(before.what_if, "with the whole batch already there").step_seconds
    assert 0.01 <= there.median < 0.02 <= there.high
    warm = predicted(before.what_if, "with a warm cache").step_seconds
    after = train_known(Delays(decode=0.02, forward=0.01), workers=1, steps=20).profile
    assert after.wall_seconds is not None and warm.low * 0.9 <= after.wall_seconds <= warm.high


def test_a_run_that_computes_has_nothing_to_gain() -> None:
    profile = train_known(Delays(forward=0.05), workers=1, steps=20).profile
    there = predicted(profile.what_if, "with the whole batch already there").step_seconds
    assert there.median == pytest.approx(profile.wall_seconds, rel=0.1)
