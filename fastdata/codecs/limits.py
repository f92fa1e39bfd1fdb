"""How much of an image is believed before it is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from fastdata.errors import InputError

__all__ = ["Limits"]

# More segments or chunks than any real file has; walking so many takes about 0.2 s.
MAX_PARTS = 200_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds that are checked on the header, before any memory for pixels is taken.

    Attributes:
        max_pixels: Pixels in one image. The default is the number at which Pillow starts to warn of
            a decompression bomb; decoding any kind of file of that size to RGB takes 0.9 GB at its
            peak (measured) and 2 to 3 seconds.
        max_side: Pixels along one side; libjpeg's own limit.
        max_scans: Scans in one JPEG; usual progressive files have 3 to 12.
        max_scan_pixels: Scans times pixels. A scan may be a few bytes and still walks all pixels,
            at 3 ns each (measured), so this product, not the file's size, bounds the time. The
            default admits a usual progressive file of 10 scans up to 50 million pixels.
    """

    max_pixels: int = 89_478_485
    max_side: int = 65_500
    max_scans: int = 100
    max_scan_pixels: int = 500_000_000

    def check_size(self, height: int, width: int) -> None:
        """Refuse an image that is empty or too large.

        Raises:
            InputError: A side is 0, or a side or the number of pixels is above the limit.
        """
        if height < 1 or width < 1:
            raise InputError(f"the header says {width} x {height} pixels; expected at least 1 x 1")
        if max(height, width) > self.max_side or height * width > self.max_pixels:
            raise InputError(
                f"the header says {width} x {height} pixels; the limit is {self.max_pixels} pixels "
                f"and {self.max_side} a side; make it smaller, or decode it with other Limits"
            )

    def check_scans(self, scans: int, height: int, width: int) -> None:
        """Refuse a JPEG whose scans cost too much time.

        Raises:
            InputError: There are more scans, or more scans times pixels, than the limit.
        """
        if scans > self.max_scans or scans * height * width > self.max_scan_pixels:
            raise InputError(
                f"{scans} scans of {width} x {height} pixels; the limit is {self.max_scans} scans "
                f"and {self.max_scan_pixels} pixels over all; save it as baseline, or decode it "
                "with other Limits"
            )
