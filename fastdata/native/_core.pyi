"""The compiled core, in C++ below `src/`; only fastdata.native and fastdata.codecs import it."""

from collections.abc import Buffer

def jpeg_header(
    data: Buffer, *, max_pixels: int, max_side: int, max_scans: int, max_scan_pixels: int
) -> tuple[int, int, int, int, int, int]:
    """Stored height and width, channels, orientation, scans, restart interval; or InputError."""
