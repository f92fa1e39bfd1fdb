"""Decodes every image whole, on all threads, and does nothing else.

    python ceiling.py --data DIR --kind mosaics

What no loader that decodes whole images can exceed: no crop, no resize, no batch, no reading. Each
thread has its share of the files in memory and one output buffer that it uses again; simplejpeg
releases the GIL while its libjpeg-turbo 3 decodes, and came out 2 to 4 % above a C loop over
Debian's libjpeg-turbo 2.1.5 with a decompressor a thread. Pixels are those of libjpeg's defaults,
as Pillow's are; `--inexact` takes the quicker DCT and upsampling that give slightly other ones.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from folders import files_of
from measuring import BATCH, WARM_UP_SECONDS, arguments, memory, show, take

FILES = 512


class Decoders:
    """Threads that decode for ever."""

    def __init__(self, records: list[bytes], threads: int, inexact: bool) -> None:
        self.counts = [0] * threads
        self.records = records
        self.quick = {"fastdct": inexact, "fastupsample": inexact}
        for at in range(threads):
            threading.Thread(target=self.work, args=(at,), daemon=True).start()

    def work(self, at: int) -> None:
        """One thread's loop."""
        share = self.records[at :: len(self.counts)]
        sizes = [simplejpeg.decode_jpeg_header(record)[:2] for record in share]
        buffer = np.empty(3 * max(height * width for height, width in sizes), np.uint8)
        while True:
            for record in share:
                simplejpeg.decode_jpeg(record, buffer=buffer, **self.quick)
                self.counts[at] += 1

    def batches(self) -> Iterator[None]:
        """Tells of every `BATCH` images that are done."""
        told = sum(self.counts)
        while True:
            while sum(self.counts) < told + BATCH:
                time.sleep(0.0005)
            told += BATCH
            yield None


def more(parser: Any) -> None:
    parser.add_argument("--kind", choices=("photos", "mosaics"), default="photos")
    parser.add_argument("--inexact", action="store_true")


def main() -> None:
    options = arguments(__doc__, more=more)
    files, _ = files_of(options.data / options.kind / "files")
    records = [Path(file).read_bytes() for file in files[:: max(1, len(files) // FILES)]]
    batches = Decoders(records, options.threads, options.inexact).batches()
    time.sleep(WARM_UP_SECONDS)
    record = take(batches, seconds=options.seconds, at_once=1) | memory()
    show(record, options, packages=("simplejpeg",), settings=f"{options.threads} threads")


if __name__ == "__main__":
    main()
