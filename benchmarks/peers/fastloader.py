"""FastLoader on a pack.

    python fastloader.py --data DIR --pack photos/keep.lmdb --crop random

The first epoch does not count: in it every record's checksum is compared. What it took is in the
line as `warm_up_seconds`.
"""

from __future__ import annotations

import os
from typing import Any

from crops import PATCH, SIZES
from measuring import BATCH, SIZE, arguments, endless, measure

from fastdata import FastLoader
from fastdata import transforms as T  # noqa: N812

TRANSFORMS = {
    "random": [T.RandomResizedCrop(SIZE), T.HorizontalFlip()],
    "centre": [T.Resize(256), T.CenterCrop(SIZE)],
    "patch": [T.RandomCrop(PATCH)],
}


def more(parser: Any) -> None:
    parser.add_argument("--pack", required=True)
    parser.add_argument("--native", choices=("require", "off"), default="require")
    parser.add_argument("--crop", choices=tuple(TRANSFORMS), default="random")


def main() -> None:
    options = arguments(__doc__, more=more)
    os.environ["FASTDATA_NATIVE"] = options.native
    loader = FastLoader(
        options.data / options.pack,
        BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=options.threads,
        transforms=TRANSFORMS[options.crop],
    )
    measure(
        endless(loader),
        options,
        size=SIZES[options.crop],
        warm_up_batches=len(loader),
        packages=("fastdata", "torch"),
        settings=", ".join(f"{item.name}={item.value}" for item in loader.explain().settings),
    )


if __name__ == "__main__":
    main()
