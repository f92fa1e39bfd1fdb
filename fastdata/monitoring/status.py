"""Whether the GPU was kept busy, in one sentence, and what to run next.

The target is a GPU that is busy 85 % of the time and more, with a fluctuation under 10 %, where

    fluctuation = standard deviation / mean

of the busy share over the samples of the run, both weighted by the samples' lengths. A GPU that
waits for data swings between 0 and 100 %, and has a fluctuation of 100 % at 50 % busy.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastdata.monitoring.columns import GPU_MEAN
from fastdata.monitoring.records import Figures, Status

__all__ = ["FLUCTUATION_TARGET", "TARGET_SHARE", "judge"]

TARGET_SHARE = 0.85
FLUCTUATION_TARGET = 0.10
# So close to all of its cores a loader has no more to give.
FULL_CPU = 0.9
OFTEN_THROTTLED = 0.05
NEXT = "fastdata profile -- COMMAND"


def judge(figures: Mapping[str, Figures], *, cores: float, command: str) -> Status:
    """The status of a run.

    Args:
        figures: By column name.
        cores: Cores that quota and affinity allow.
        command: What was watched, as one would type it; "" when that is not known.
    """
    if not figures:
        return Status("no samples", "the run was over before the first sample")
    profile = NEXT.replace("COMMAND", command) if command else NEXT
    busy = figures.get(GPU_MEAN.name)
    if busy is None:
        return Status("no GPU", f"no GPU is seen; {_cpu(figures, cores)}", profile)
    told = (
        f"the GPU was busy {busy.mean:.0%} of the time (target: {TARGET_SHARE:.0%} and more), "
        f"fluctuation {_percent(busy.fluctuation)} (target: under {FLUCTUATION_TARGET:.0%})"
    )
    even = busy.fluctuation is not None and busy.fluctuation < FLUCTUATION_TARGET
    if busy.mean >= TARGET_SHARE and even:
        return Status("on target", told)
    told = f"{told}; {_cpu(figures, cores)}"
    if busy.mean >= TARGET_SHARE:
        return Status("uneven", told, profile)
    return Status("below target", told, profile)


def _cpu(figures: Mapping[str, Figures], cores: float) -> str:
    used, share = figures.get("cpu_cores"), figures.get("cpu_share")
    if used is None or share is None:
        return "CPU use is not known"
    told = f"{used.mean:.2f} of {cores:g} cores were busy, fluctuation {_percent(used.fluctuation)}"
    throttled = figures.get("cpu_throttled_share")
    if throttled is not None and throttled.mean > OFTEN_THROTTLED:
        return f"{told}, and the container's quota ran out in {throttled.mean:.0%} of its periods"
    if share.mean >= FULL_CPU:
        return f"{told}: the CPU has no more to give"
    return told


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.0%}"
