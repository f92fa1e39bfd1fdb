"""What all parts of the pack contract start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from packsamples import write_pack

from fastdata.packs import Pack, open_pack

COUNT = 50


class PackBase:
    """One pack of a backend, written once and opened for every test."""

    suffix: ClassVar[str]

    @pytest.fixture(scope="class")
    @classmethod
    def path(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return write_pack(tmp_path_factory.mktemp("pack") / f"every{cls.suffix}", COUNT)

    @pytest.fixture
    def pack(self, path: Path) -> Iterator[Pack]:
        with open_pack(path) as pack:
            yield pack
