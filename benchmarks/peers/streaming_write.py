"""Writes MosaicML Streaming's shards, in its environment: the files' own bytes, and labels.

python streaming_write.py photos/files photos/mds
"""

from __future__ import annotations

import argparse
from pathlib import Path

from folders import files_of
from streaming import MDSWriter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    columns = {"image": "bytes", "label": "int"}
    with MDSWriter(out=str(options.out), columns=columns) as writer:
        for file, label in zip(*files_of(options.source), strict=True):
            writer.write({"image": Path(file).read_bytes(), "label": label})


if __name__ == "__main__":
    main()
