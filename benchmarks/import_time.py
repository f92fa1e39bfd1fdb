"""Seconds that ``import fastdata`` takes in a fresh interpreter, beside an empty one.

    python benchmarks/import_time.py

Prints one JSON line: medians over 21 interleaved runs, in seconds.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

RUNS = 21


def seconds(statement: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def main() -> None:
    pairs = [(seconds("pass"), seconds("import fastdata")) for _ in range(RUNS)]
    empty, with_import = (statistics.median(column) for column in zip(*pairs, strict=True))
    record = {
        "case": "import fastdata",
        "interpreter_seconds": round(empty, 4),
        "interpreter_and_import_seconds": round(with_import, 4),
        "import_seconds": round(statistics.median(b - a for a, b in pairs), 4),
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
