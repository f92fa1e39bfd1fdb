"""Writes FFCV's files, in FFCV's environment: JPEG of quality 95, or raw with longest side 400.

    python ffcv_write.py --mode raw photos/files photos/raw.beton

FFCV encodes anew: it has no way to take a JPEG as it is. Quality 95 comes closest to the photos'
own bytes; data.py's folder shows both sizes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from ffcv.fields import IntField, RGBImageField
from ffcv.writer import DatasetWriter
from folders import files_of
from PIL import Image

FIELDS = {
    "jpg": {"write_mode": "jpg", "jpeg_quality": 95},
    "raw": {"write_mode": "raw", "max_resolution": 400},
}


class Photos:
    """What FFCV's writer asks for samples."""

    def __init__(self, folder: Path) -> None:
        self.files, self.labels = files_of(folder)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        with Image.open(self.files[index]) as image:
            return np.array(image.convert("RGB")), self.labels[index]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=tuple(FIELDS), required=True)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    fields = {"image": RGBImageField(**FIELDS[options.mode]), "label": IntField()}
    writer = DatasetWriter(str(options.out), fields, num_workers=2)
    writer.from_indexed_dataset(Photos(options.source))


if __name__ == "__main__":
    main()
