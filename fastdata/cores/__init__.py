"""Whole batches of records into whole batches of pixels, by the quickest core there is.

``FASTDATA_NATIVE`` chooses: ``auto`` (default) takes the compiled core where there is one,
``require`` insists on it, ``off`` takes the Pillow twin, which is the reference that every core is
tested against.
"""

from __future__ import annotations

from fastdata.cores import twin
from fastdata.cores.compiled_core import CompiledCore
from fastdata.cores.contract import Core, CroppedJpegs
from fastdata.cores.fieldbatch import FieldBatch
from fastdata.native.extension import compiled

__all__ = ["Core", "CroppedJpegs", "FieldBatch", "core"]


def core() -> Core:
    """The core that ``FASTDATA_NATIVE`` and this installation call for.

    Raises:
        UsageError: The variable has another value, or requires a compiled core that is not there.
    """
    extension = compiled()
    return twin if extension is None else CompiledCore(extension)
