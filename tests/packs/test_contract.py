"""Both backends keep the contract of packs."""

from __future__ import annotations

from contracts import PackContract


class TestLmdb(PackContract):
    suffix = ".lmdb"


class TestHdf5(PackContract):
    suffix = ".h5"
