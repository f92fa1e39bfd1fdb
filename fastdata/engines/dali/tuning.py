"""What makes the pipeline fast and leaves its results alone, in one place.

The defaults are DALI's own where nothing better was measured. All of it is for a GPU; the pipeline
of CPU operators has nothing to choose but its threads.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Tuning"]


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Settings of a pipeline on a GPU.

    Attributes:
        cuts: Cut JPEGs to their crops on the host, without decoding, so that the GPU receives and
            decodes a crop's share only. False feeds whole files, of which the decoder takes a part.
        hw_load: Share of the JPEGs that the GPU's own decoder takes (Ampere and later, where there
            is one), 0..1; the rest is decoded by kernels after the host has undone the Huffman
            coding. DALI's default, 0.65, suits few cores of the host.
        hw_height: Rows, and `hw_width` columns, of the images for which that decoder's memory is
            taken at the start; 0 lets it grow with the first batches.
        hw_width: See `hw_height`.
        fancy_upsampling: Chroma is interpolated as libjpeg does it, and the other engines with it;
            else it is repeated.
        in_flight: Batches in the pipeline at once at least: one that is decoded, one whose files
            the host reads, one that is finished.
        sets_affinity: Whether DALI's threads stay on the cores nearest to the GPU.
        is_concurrent: Whether operators of different batches may use the GPU at the same time, each
            on a stream of its own.
    """

    cuts: bool = True
    hw_load: float = 0.65
    hw_height: int = 0
    hw_width: int = 0
    fancy_upsampling: bool = True
    in_flight: int = 3
    sets_affinity: bool = False
    is_concurrent: bool = False
