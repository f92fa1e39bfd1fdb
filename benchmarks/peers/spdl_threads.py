"""SPDL's pipeline of threads, with its own decoder (FFmpeg) or with Pillow.

    python spdl_threads.py --data DIR --decoder spdl

Chosen for speed: no process boundary, as many decoding threads as cores, batches made in a stage of
their own, three of them ahead. With spdl.io the crop, the resize and the flip are one FFmpeg filter
of the decoded frame, in the packet's own colour space, converted to RGB at the end; FFmpeg's own
threads are off. Needs FFmpeg's libraries, on Debian libavdevice59 and libavfilter8.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import spdl.io
import spdl.pipeline
import torch
from crops import flip, pixels, random_crop, random_resized_box
from folders import files_of
from measuring import BATCH, SIZE, arguments, measure
from PIL import Image

ONE_THREAD = spdl.io.decode_config(decoder_options={"threads": "1"})

Sample = tuple[Any, int]


def by_spdl(item: tuple[str, int]) -> Sample:
    """One random crop, by FFmpeg."""
    packets = spdl.io.demux_image(Path(item[0]).read_bytes())
    left, top, width, height = random_resized_box(packets.codec.width, packets.codec.height)
    chain = f"crop={width}:{height}:{left}:{top}:exact=1,scale={SIZE}:{SIZE}:flags=bilinear"
    chain += ",hflip" if flip() else ""
    frames = spdl.io.decode_packets(
        packets, decode_config=ONE_THREAD, filter_desc=f"{chain},format=pix_fmts=rgb24"
    )
    return spdl.io.to_numpy(spdl.io.convert_frames(frames)), item[1]


def by_pillow(item: tuple[str, int]) -> Sample:
    """One random crop, by Pillow."""
    with Image.open(io.BytesIO(Path(item[0]).read_bytes())) as image:
        return pixels(random_crop(image.convert("RGB"))), item[1]


def collate(samples: list[Sample]) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch."""
    images, labels = zip(*samples, strict=True)
    return torch.from_numpy(np.stack(images)), torch.tensor(labels)


def forever(folder: Path) -> Iterator[tuple[str, int]]:
    """Shuffled epochs of paths and labels, without a pause between them."""
    items = list(zip(*files_of(folder), strict=True))
    while True:
        yield from random.sample(items, len(items))


DECODERS = {"spdl": by_spdl, "pillow": by_pillow}


def more(parser: Any) -> None:
    parser.add_argument("--decoder", choices=tuple(DECODERS), default="spdl")


def main() -> None:
    options = arguments(__doc__, more=more)
    builder = spdl.pipeline.PipelineBuilder()
    builder.add_source(forever(options.data / "photos" / "files"))
    builder.pipe(DECODERS[options.decoder], concurrency=options.threads)
    builder.aggregate(BATCH).pipe(collate).add_sink(3)
    pipeline = builder.build(num_threads=options.threads + 1, max_failures=0)
    with pipeline.auto_stop():
        measure(
            iter(pipeline),
            options,
            image=lambda batch: batch[0].permute(0, 3, 1, 2),
            packages=("spdl-core", "spdl-io", "torch"),
            settings=f"{options.threads} decoding threads, {options.decoder}",
        )


if __name__ == "__main__":
    main()
