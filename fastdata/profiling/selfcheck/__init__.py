"""The profiler measured against what is known: runs whose every second was put there on purpose."""

from fastdata.profiling.selfcheck.gates import GATES as GATES
from fastdata.profiling.selfcheck.gates import Check as Check

__all__ = ["GATES", "Check"]
