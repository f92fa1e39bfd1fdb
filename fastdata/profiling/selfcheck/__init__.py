"""The profiler measured against what is known: runs whose every second was put there on purpose."""

from fastdata.profiling.selfcheck.check import Check as Check
from fastdata.profiling.selfcheck.gates import GATES as GATES

__all__ = ["GATES", "Check"]
