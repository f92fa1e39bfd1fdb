"""What makes the pipeline fast on a GPU, in one place, each with its measurement.

Images a second on an H200 beside 16 cores, 500 photos of about 450x450, RandomResizedCrop(224),
normalised float16, batches of 256, where a file pipeline written by hand makes 19,400:

=================================================  ======
hw_load 0.8, chroma repeated, 8 threads            28,860
hw_load 0.9 likewise                               26,350
hw_load 0.65 likewise                              26,610
hw_load 0.65, chroma interpolated                  26,490
hw_load 0.7 likewise                               20,570
hw_load 0.8 likewise                               13,370
hw_load 0.65, chroma interpolated, 4 threads       17,700
one batch in the pipeline at once; two; three; five  19,420; 28,470; 28,550; 29,090
memory of the decoder taken at the start           27,180 (no gain)
=================================================  ======

The last two rows repeat chroma. The defaults are not the fastest row but the fastest whose pixels
were compared with the "cpu" engine's: 0.168 levels apart in the mean, 0.35 in the worst photo. What
repeated chroma adds was simulated only, over 123 photos: 0.53 in the mean, 1.9 in the worst. That
takes 8 % of the speed, and leaves 1.37 times the pipeline by hand.

The pipeline of CPU operators has nothing to choose but its threads.
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
            coding. With repeated chroma 0.8 is best.
        interpolates_chroma: As libjpeg does it, and the other engines with it; else chroma is
            repeated, as by DALI's default, which is visible at sharp edges of colour. The GPU's
            own decoder is much slower with it, the more the larger its share, hence 0.65.
        in_flight: Batches in the pipeline at once at least: one that is decoded, one whose files
            the host reads, one that is finished. One more is being cut.
    """

    cuts: bool = True
    hw_load: float = 0.65
    interpolates_chroma: bool = True
    in_flight: int = 3
