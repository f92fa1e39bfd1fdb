"""The compiled core, in C++ below `src/`; only fastdata.native and fastdata.codecs import it."""

import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer

def jpeg_header(
    data: Buffer, *, max_pixels: int, max_side: int, max_scans: int, max_scan_pixels: int
) -> tuple[int, int, int, int, int, int]:
    """Stored height and width, channels, orientation, scans, restart interval; or InputError."""

def crop_jpeg(
    data: Buffer, box: tuple[int, int, int, int], denominator: int
) -> tuple[bytes, int, int, int, int] | None:
    """File, top, left, height, width; None where the box lies outside the picture."""

def transcode_jpeg(data: Buffer, segment_width: int) -> bytes | None:
    """None where no baseline file could decode to the same pixels; InputError for damage."""

def crc32c(data: Buffer) -> int:
    """CRC32C of flat uint8 bytes, by the machine's own instruction where it has one."""

def crc32c_portable(data: Buffer) -> int:
    """The same by tables."""

def crc32c_means() -> str:
    """What `crc32c` uses here: "sse4.2" or "portable"."""

def wrong_crcs(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    expected: npt.NDArray[np.uint32],
) -> list[int]:
    """Positions of the stretches of `data` that have another CRC32C; ValueError outside it."""
