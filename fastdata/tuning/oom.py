"""Which errors say that memory ran out, whatever raised them."""

from __future__ import annotations

import torch

__all__ = ["is_out_of_memory"]

# Libraries below torch report a refused allocation as a plain RuntimeError.
_SAID = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUSOLVER_STATUS_ALLOC_FAILED",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch may help against `error`."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # Not its subclasses: what somebody else defined has a meaning of its own.
    return type(error) is RuntimeError and any(said in str(error) for said in _SAID)
