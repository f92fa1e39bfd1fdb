"""The profiler measured against what is known: runs whose every second was put there on purpose."""

from fastdata.profiling.selfcheck.check import Check as Check
from fastdata.profiling.selfcheck.gates import GATES as GATES
from fastdata.profiling.selfcheck.gates import GPU_GATES as GPU_GATES

__all__ = ["GATES", "GPU_GATES", "Check"]
