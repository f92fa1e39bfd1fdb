"""Settings found by measuring: the batch size, and what a machine suggests."""

from fastdata.tuning.find import find_batch_size
from fastdata.tuning.halving import halve_on_oom
from fastdata.tuning.records import BatchSizeResult, Trial

__all__ = ["BatchSizeResult", "Trial", "find_batch_size", "halve_on_oom"]
