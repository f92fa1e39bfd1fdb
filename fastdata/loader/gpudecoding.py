"""When images are decoded on the GPU: by figures that were measured, not by what is installed."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["GPU_IMAGES", "IMAGES_PER_CORE", "SMALL_PIXELS", "Verdict", "gpu_decodes_faster"]

# Images a second from photos of 450x450, RandomResizedCrop(224), in batches of 256, beside nothing
# else. One core of a machine with an H200: 1,030 of 4 at work, 945 of 8, 730 of 16. DALI there, a
# pipeline written by hand: 17,800-18,900. Larger photos slow both down alike, so that the ratio is
# what counts: a GPU decodes as much as 20 cores.
IMAGES_PER_CORE: Final = 900
GPU_IMAGES: Final = 18_000
# Images of fewer pixels, such as 128x128, cost less to decode than to hand over one by one.
SMALL_PIXELS: Final = 128 * 128


class Verdict(NamedTuple):
    """Whether the GPU decodes faster, and why, as the rest of a sentence.

    Attributes:
        gpu: Whether.
        reason: Why, with the figures.
    """

    gpu: bool
    reason: str


def gpu_decodes_faster(*, cores: int, jpegs: bool, pixels: int) -> Verdict:
    """Whether DALI on a GPU makes batches faster than the cores beside it.

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
    own = cores * IMAGES_PER_CORE
    faster = GPU_IMAGES > own
    return Verdict(
        gpu=faster,
        reason=f"{cores} {'core makes' if cores == 1 else 'cores make'} about {own} images/s of "
        f"photos where DALI on a GPU makes {GPU_IMAGES}",
    )
