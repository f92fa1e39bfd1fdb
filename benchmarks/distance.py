"""What precomputed distance maps save: reading them from a pack against computing them online.

    python benchmarks/distance.py                    made-up masks, one JSON line
    python benchmarks/distance.py PATH/camvid        masks of a folder with a masks/ folder in it

Boundary maps of 480x360 masks, in batches of 16, on one thread and without any image: the pack is
loaded with a FastLoader, the others compute what `fastdata.distance.boundary` computes, by SciPy's
exact transform as it is usually written, and by the edt package. The contenders take turns.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from fastdata import FastLoader, Mask, Schema, create_pack
from fastdata.codecs import decode_mask
from fastdata.distance import boundary, distance_field
from fastdata.timing import measure_rate

BATCH = 16
ROUNDS = 5
SECONDS = 0.6
HEIGHT, WIDTH = 360, 480
COUNT = 200

Masks = list[np.ndarray[Any, Any]]


def made_up_masks() -> Masks:
    """Masks of about a dozen regions with curved borders, like a street scene's."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    masks = []
    for _ in range(40):
        centres = rng.random((24, 2)) * (HEIGHT, WIDTH)
        distances = [np.hypot(rows - row, columns - column) for row, column in centres]
        masks.append((np.argmin(distances, axis=0) % 12).astype(np.uint8))
    return masks


def real_masks(folder: Path) -> Masks:
    """The masks of a dataset that have the size that is measured."""
    files = sorted((folder / "masks").rglob("*.png"))[:COUNT]
    masks = [np.asarray(decode_mask(file.read_bytes())) for file in files]
    return [mask for mask in masks if mask.shape == (HEIGHT, WIDTH)]


def boundary_scipy(mask: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Distance to the nearest pixel that touches another class."""
    edge = np.zeros(mask.shape, bool)
    vertical, horizontal = mask[1:] != mask[:-1], mask[:, 1:] != mask[:, :-1]
    edge[1:] |= vertical
    edge[:-1] |= vertical
    edge[:, 1:] |= horizontal
    edge[:, :-1] |= horizontal
    return np.asarray(ndimage.distance_transform_edt(~edge), np.float32)


def online(masks: Masks, compute: Callable[[Any], Any]) -> Callable[[], int]:
    """Computes one batch after another, as a dataset and its collate function do."""
    position = 0

    def batch() -> int:
        nonlocal position
        chosen = [masks[(position + at) % len(masks)] for at in range(BATCH)]
        position += BATCH
        return len(torch.from_numpy(np.stack([compute(mask) for mask in chosen])))

    return batch


def from_pack(path: Path) -> Callable[[], int]:
    """One epoch over the packed maps."""
    loader = FastLoader(path, BATCH, shuffle=True, fields=["boundary"], num_workers=0)
    return lambda: sum(len(batch.boundary) for batch in loader)


def write(path: Path, masks: Masks, dtype: Any) -> Path:
    """A pack of masks with their boundary maps."""
    field = distance_field("boundary", dtype=dtype, truncate=100, shape=(HEIGHT, WIDTH))
    schema = Schema({"mask": Mask(shape=(HEIGHT, WIDTH)), "boundary": field})
    with create_pack(path, schema) as writer:
        for index in range(COUNT):
            mask = masks[index % len(masks)]
            writer.add(mask=mask, boundary=boundary(mask, truncate=100))
    return path


def main() -> int:
    """Measure, and print one JSON line."""
    masks = real_masks(Path(sys.argv[1])) if sys.argv[1:] else made_up_masks()
    with tempfile.TemporaryDirectory() as folder:
        contenders = {
            "pack_uint8": from_pack(write(Path(folder) / "uint8.lmdb", masks, "uint8")),
            "pack_float16": from_pack(write(Path(folder) / "float16.lmdb", masks, "float16")),
            "online_scipy": online(masks, boundary_scipy),
            "online_edt": online(masks, boundary),
        }
        rates: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(ROUNDS):
            for name, work in contenders.items():
                rates[name].append(measure_rate(work, seconds=SECONDS).per_second)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    ratios = {
        f"{pack}_to_{other}": round(medians[pack] / medians[other], 1)
        for pack in ("pack_uint8", "pack_float16")
        for other in ("online_scipy", "online_edt")
    }
    result = {"maps_per_second": {name: round(value) for name, value in medians.items()}} | ratios
    print(json.dumps({"case": "boundary 480x360", "masks": len(masks)} | result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
