"""The compiled core, in C++ below `src/`; only fastdata.cores and fastdata.codecs use it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer

def jpeg_header(
    data: Buffer, *, max_pixels: int, max_side: int, max_scans: int, max_scan_pixels: int
) -> tuple[int, int, int, int, int, int]:
    """Stored height and width, channels, orientation, scans, restart interval; or InputError."""

def skip_restarts(data: Buffer, at: int, first: int, count: int, quick: bool) -> int:
    """Where so many restart markers end, the length of `data` where they do not come in turn."""

def crop_jpeg(
    data: Buffer, box: tuple[int, int, int, int], denominator: int
) -> tuple[bytes, int, int, int, int] | None:
    """File, top, left, height, width; None where the box lies outside the picture."""

def crop_jpegs(
    records: Sequence[Buffer],
    boxes: npt.NDArray[np.int64],
    *,
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    origins: npt.NDArray[np.int32],
    sizes: npt.NDArray[np.int32],
    threads: int,
) -> list[tuple[int, int, str]]:
    """Fills the arrays of a `fastdata.cores.CroppedJpegs`; failures as `decode_batch` has them."""

def jpeg_kinds(
    records: Sequence[Buffer],
    sizes: npt.NDArray[np.int32],
    *,
    plain: npt.NDArray[np.bool_],
    checks: bool,
    threads: int,
) -> list[tuple[int, int, str]]:
    """Sets `plain`, (B,); failures as `decode_batch` has them."""

def check_jpeg(data: Buffer) -> None:
    """Reads all coefficients; InputError for damage, warnings of libjpeg included."""

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

def uniform(
    seed: int,
    epoch: int,
    operation: int,
    indices: npt.NDArray[np.int64],
    out: npt.NDArray[np.float64],
) -> None:
    """What `fastdata.philox.uniform` gives, into `out`, (B, count)."""

def describe() -> str:
    """The JPEG library that was compiled in, and the instructions that are used."""

class RecordKind:
    """What all records of a field are."""

    @staticmethod
    def image(*, channels: int, raw: bool) -> RecordKind:
        """Images of 1 or 3 channels."""

    @staticmethod
    def mask(*, id_bytes: int, raw: bool) -> RecordKind:
        """Class ids of 1 or 2 bytes."""

    @staticmethod
    def distance(*, value_bytes: int, classes: int, zero: float, scale: float) -> RecordKind:
        """Raw distance maps of uint8 or float16; `classes` is 0 where there is one for all."""

def decode_batch(
    kind: RecordKind,
    records: Sequence[Buffer],
    sizes: npt.NDArray[np.int32],
    geometry: tuple[npt.NDArray[Any], ...] | None,
    out: npt.NDArray[Any],
    *,
    values: tuple[tuple[float, ...], tuple[float, ...]],
    positions: Sequence[int],
    stage_seconds: npt.NDArray[np.float64] | None,
    threads: int,
) -> list[tuple[int, int, str]]:
    """Make these samples; gives position, kind and message of each failure.

    Args:
        kind: What the records are.
        records: B contiguous buffers.
        sizes: (B, 2) height and width of the upright sources.
        geometry: boxes, out_sizes, resized, rot90, hflip, vflip, or None.
        out: As `fastdata.cores.Core.decode_batch` has it.
        values: Four factors and four offsets, for a float32 `out` of images.
        positions: The samples to make.
        stage_seconds: (B, 2), added to: seconds of decoding and of what follows; or None.
        threads: Threads to share them, the caller among them.

    Returns:
        The kind is 0 for an InputError, 1 for PackCorrupt, 2 for what the twin should try.
    """

class ImageDecoder:
    """One thread's decoder, as a batch uses it; for tests.

    Boxes are (top, left, height, width) in stored pixels and must lie in the picture. Raises
    InputError for damage, RuntimeError for what is left to the Pillow twin.
    """

    def __init__(self, *, portable: bool = False) -> None:
        """`portable` keeps to instructions that every processor has."""

    def open(self, file: Buffer) -> tuple[int, int, int]:
        """Stored height and width, and orientation."""

    def pixels(
        self,
        file: Buffer,
        channels: int,
        wanted: tuple[int, int, int, int],
        max_denominator: int = 1,
    ) -> tuple[npt.NDArray[np.uint8], tuple[int, int, int, int], int]:
        """Pixels (height, width, channels), which box they are, and how much smaller."""

    def ids(
        self, file: Buffer, wanted: tuple[int, int, int, int]
    ) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
        """Stored values, (height, width, 1)."""
