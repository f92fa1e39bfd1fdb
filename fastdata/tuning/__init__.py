"""Settings found by measuring: the batch size, and what a machine suggests."""

from fastdata.tuning.find import find_batch_size
from fastdata.tuning.halving import halve_on_oom
from fastdata.tuning.oom import is_out_of_memory
from fastdata.tuning.records import BatchSizeResult, Trial
from fastdata.tuning.suggest import Suggestion, suggest_config

__all__ = [
    "BatchSizeResult",
    "Suggestion",
    "Trial",
    "find_batch_size",
    "halve_on_oom",
    "is_out_of_memory",
    "suggest_config",
]
