"""Renews a generated part of this folder's README.md.

    python benchmarks/page.py NAME < table.md

Parts stand between ``<!-- NAME -->`` and ``<!-- end of NAME -->``.
"""

from __future__ import annotations

import sys
from pathlib import Path

PAGE = Path(__file__).resolve().with_name("README.md")


def renew(name: str, text: str) -> None:
    """Put `text` between the marks of the part `name`."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(start)
    after = rest.split(end)[1]
    PAGE.write_text(f"{before}{start}\n{text.strip()}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    renew(sys.argv[1], sys.stdin.read())
