"""One shared test set for each contract; every implementation inherits it and adds nothing to pass.

`PackContract` runs over the LMDB and the HDF5 backend.
"""

from __future__ import annotations

from packdamage import PackDamage
from packreading import PackReading
from packsharing import PackSharing
from packwriting import PackWriting


class PackContract(PackReading, PackSharing, PackWriting, PackDamage):
    """What holds for packs of every backend."""
