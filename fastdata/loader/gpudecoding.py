"""When images are decoded on the GPU: by figures that were measured, not by what is installed."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = [
    "GPU_IMAGES",
    "IMAGES_PER_CORE",
    "NETWORK_IMAGES",
    "SMALL_PIXELS",
    "Verdict",
    "gpu_should_decode",
]

# Images a second from photos of 450x450, RandomResizedCrop(224), in batches of 256, on an H200 with
# 16 cores, by benchmarks/gpu.py. One core: 1,030 of 4 at work, 945 of 8, 740 of 16. DALI: 25,000
# with chroma repeated; interpolated, as by default, 8 % less (see engines/dali/tuning.py).
# A ResNet-50 that trains in bfloat16 takes 4,700 there: fed by 16 cores it reaches all of that, fed
# by DALI with chroma repeated 94 %, since DALI computes on the same GPU. So cores that make twice
# what such a network takes leave the GPU to it. Larger photos slow all: ratios are what counts.
IMAGES_PER_CORE: Final = 900
GPU_IMAGES: Final = 23_000
NETWORK_IMAGES: Final = 4_700
# Images of fewer pixels, such as 128x128, cost less to decode than to hand over one by one.
SMALL_PIXELS: Final = 128 * 128


class Verdict(NamedTuple):
    """Whether the GPU is to decode, and why, as the rest of a sentence.

    Attributes:
        gpu: Whether.
        reason: Why, with the figures.
    """

    gpu: bool
    reason: str


def gpu_should_decode(*, cores: int, jpegs: bool, pixels: int) -> Verdict:
    """Whether DALI on a GPU is to make batches, or the cores beside it.

    Args:
        cores: Threads that decode for this GPU.
        jpegs: Whether there are JPEGs, all that a GPU decodes itself.
        pixels: Of one image as it is stored, height times width.
    """
    if not jpegs:
        return Verdict(gpu=False, reason="no JPEGs are there, which is all that a GPU decodes")
    if pixels <= SMALL_PIXELS:
        return Verdict(
            gpu=False,
            reason=f"images of {pixels} pixels are too small to gain from a GPU, which is asked "
            f"above {SMALL_PIXELS}",
        )
    own, enough = cores * IMAGES_PER_CORE, 2 * NETWORK_IMAGES
    made = f"{cores} {'core makes' if cores == 1 else 'cores make'} about {own} images/s of photos"
    if own >= enough:
        return Verdict(
            gpu=False,
            reason=f"{made}, twice what a ResNet-50 takes, and leave the GPU to the training",
        )
    return Verdict(gpu=True, reason=f"{made} where DALI on a GPU makes {GPU_IMAGES}")
