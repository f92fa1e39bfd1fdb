"""What a profile says: one frozen record, which everything else reads or renders.

Unless it says otherwise, times are seconds, shares lie in [0, 1], and None means "not known" (never
0). ``start_seconds`` counts from the beginning of the profile, on a clock that only goes forward.
"""

from fastdata.profiling.record.conclusions import Verdict, VerdictKind, WhatIf
from fastdata.profiling.record.facts import LoaderFacts, MachineFacts
from fastdata.profiling.record.profile import SCHEMA_VERSION, Profile
from fastdata.profiling.record.steps import (
    ROWS,
    RankFigures,
    StartFigures,
    StepKind,
    SyncSite,
    Timeline,
)
from fastdata.profiling.record.strict import Estimate
from fastdata.profiling.record.workers import (
    SHARED_STAGES,
    STAGES,
    Reading,
    Segment,
    SlowSample,
    Stage,
    Stretch,
    WorkerLane,
    Workers,
)

__all__ = [
    "ROWS",
    "SCHEMA_VERSION",
    "SHARED_STAGES",
    "STAGES",
    "Estimate",
    "LoaderFacts",
    "MachineFacts",
    "Profile",
    "RankFigures",
    "Reading",
    "Segment",
    "SlowSample",
    "Stage",
    "StartFigures",
    "StepKind",
    "Stretch",
    "SyncSite",
    "Timeline",
    "Verdict",
    "VerdictKind",
    "WhatIf",
    "WorkerLane",
    "Workers",
]
