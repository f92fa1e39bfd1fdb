"""NVIDIA DALI without a GPU: decoding of the region alone, then a resize, all in DALI's threads.

    python dali_cpu.py --data DIR --crop random

Chosen for speed, as in DALI's ImageNet example: `decoders.image_random_crop`, which decodes only
the region where it can; `resize` with its default antialiased linear filter; two batches ahead;
files read by DALI's own reader through memory maps. Mirroring is part of
`crop_mirror_normalize` in that example; here `flip` does it, because bytes stay bytes. For patches,
`decoders.image_crop` cuts the region while decoding.
"""

from __future__ import annotations

from typing import Any

from crops import PATCH, SIZES
from measuring import BATCH, SIZE, arguments, endless, measure
from nvidia.dali import fn, pipeline_def, types
from nvidia.dali.plugin.pytorch import DALIGenericIterator, LastBatchPolicy


@pipeline_def(batch_size=BATCH, device_id=None, seed=0, prefetch_queue_depth=2)
def random_crops(folder: str) -> Any:
    """RandomResizedCrop and a horizontal flip."""
    files, labels = fn.readers.file(file_root=folder, random_shuffle=True, name="photos")
    images = fn.decoders.image_random_crop(files, output_type=types.RGB)
    images = fn.resize(images, size=(SIZE, SIZE), interp_type=types.INTERP_LINEAR)
    return fn.flip(images, horizontal=fn.random.coin_flip()), labels


@pipeline_def(batch_size=BATCH, device_id=None, seed=0, prefetch_queue_depth=2)
def patches(folder: str) -> Any:
    """A random square of the image as it is."""
    files, labels = fn.readers.file(file_root=folder, random_shuffle=True, name="photos")
    images = fn.decoders.image_crop(
        files,
        output_type=types.RGB,
        crop=(PATCH, PATCH),
        crop_pos_x=fn.random.uniform(range=(0.0, 1.0)),
        crop_pos_y=fn.random.uniform(range=(0.0, 1.0)),
    )
    return images, labels


def more(parser: Any) -> None:
    parser.add_argument("--crop", choices=("random", "patch"), default="random")


def main() -> None:
    options = arguments(__doc__, more=more)
    kind, pipeline = ("photos", random_crops) if options.crop == "random" else ("mosaics", patches)
    loader = DALIGenericIterator(
        pipeline(str(options.data / kind / "files"), num_threads=options.threads),
        ["image", "label"],
        reader_name="photos",
        auto_reset=True,
        last_batch_policy=LastBatchPolicy.DROP,
    )
    measure(
        endless(loader),
        options,
        image=lambda batch: batch[0]["image"],
        size=SIZES[options.crop],
        packages=("nvidia-dali-cuda130", "torch"),
        settings=f"num_threads={options.threads}, prefetch_queue_depth=2, no GPU",
    )


if __name__ == "__main__":
    main()
