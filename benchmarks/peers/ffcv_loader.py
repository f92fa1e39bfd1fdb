"""FFCV 1.0.2 on its own format, JPEG or raw.

    python ffcv_loader.py --data DIR --mode raw

Chosen for speed, as in its tuning guide for data that fits into memory: `os_cache=True`, random
order, as many threads as cores, three batches ahead, and only operations that it compiles. Its
decoder uses libjpeg-turbo's quicker, less exact inverse DCT, and its resize OpenCV's INTER_AREA.
"""

from __future__ import annotations

from typing import Any

from ffcv.fields.decoders import IntDecoder, RandomResizedCropRGBImageDecoder
from ffcv.loader import Loader, OrderOption
from ffcv.transforms import RandomHorizontalFlip, Squeeze, ToTensor, ToTorchImage
from measuring import BATCH, SIZE, arguments, endless, measure


def more(parser: Any) -> None:
    parser.add_argument("--mode", choices=("jpg", "raw"), default="jpg")


def main() -> None:
    options = arguments(__doc__, more=more)
    decoder = RandomResizedCropRGBImageDecoder((SIZE, SIZE))
    loader = Loader(
        str(options.data / "photos" / f"{options.mode}.beton"),
        batch_size=BATCH,
        num_workers=options.threads,
        order=OrderOption.RANDOM,
        os_cache=True,
        drop_last=True,
        pipelines={
            "image": [decoder, RandomHorizontalFlip(), ToTensor(), ToTorchImage()],
            "label": [IntDecoder(), ToTensor(), Squeeze()],
        },
    )
    measure(
        endless(loader),
        options,
        packages=("ffcv", "torch", "numba"),
        settings=f"num_workers={options.threads} threads, batches_ahead=3, os_cache=True",
    )


if __name__ == "__main__":
    main()
