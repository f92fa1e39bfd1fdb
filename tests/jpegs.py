"""JPEGs made bit by bit, and JPEGs damaged as hypothesis draws it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pictures import segment
from PIL import Image

from fastdata.codecs.jpeg import walk_jpeg

_MARKERS = st.sampled_from([0x00, 0x01, 0xC0, 0xC4, 0xD0, 0xD3, 0xD9, 0xDA, 0xDB, 0xDD, 0xE1, 0xFF])
_BYTES = _MARKERS | st.integers(0, 255)


def mutated(draw: Callable[[st.SearchStrategy[Any]], Any], data: bytes) -> bytes:
    """`data` with some bytes replaced, put in, taken out, or cut off; markers more than others."""
    result = bytearray(data)
    # Headers are where a byte decides most.
    places = st.integers(2, len(data) - 1) | st.integers(2, min(len(data) - 1, 700))
    for _ in range(draw(st.integers(1, 5))):
        at, value = draw(places), draw(_BYTES)
        action = draw(st.sampled_from(["replace", "marker", "insert", "delete", "cut"]))
        if action == "replace":
            result[at : at + 1] = bytes([value])
        elif action == "marker":
            result[at : at + 2] = bytes([0xFF, value])
        elif action == "insert":
            result[at:at] = bytes([0xFF, value])
        elif action == "delete":
            del result[at : at + draw(st.integers(1, 40))]
        else:
            del result[max(at, 3) :]
    return bytes(result)


class _Bits:
    """Writes the compressed data of a scan."""

    def __init__(self) -> None:
        self.out = bytearray()
        self._bits = ""

    def put(self, value: int, length: int) -> None:
        self._bits += format(value, f"0{length}b") if length else ""
        while len(self._bits) >= 8:
            self._byte(self._bits[:8])
            self._bits = self._bits[8:]

    def _byte(self, bits: str) -> None:
        self.out.append(int(bits, 2))
        if self.out[-1] == 0xFF:
            self.out.append(0)

    def end(self, marker: int) -> None:
        if self._bits:
            self._byte(self._bits.ljust(8, "1"))
            self._bits = ""
        self.out += bytes((0xFF, marker))


# Codes of one length each: DC sizes 0..11 of 4 bits; AC symbols of 5 bits, all runs 0..3 with sizes
# 1..4, after the end of a block.
_AC = [0x00, *(run << 4 | size for run in range(4) for size in range(1, 5))]
_TABLES = segment(0xC4, b"\0" + bytes([0, 0, 0, 12, *[0] * 12]) + bytes(range(12))) + segment(
    0xC4, b"\x10" + bytes([0, 0, 0, 0, 17, *[0] * 11]) + bytes(_AC)
)


def _put_block(bits: _Bits, rng: np.random.Generator, dc: int, last: int) -> None:
    def amplitude(value: int) -> None:
        size = abs(value).bit_length()
        bits.put(value if value > 0 else value + (1 << size) - 1, size)

    bits.put(abs(dc - last).bit_length(), 4)
    amplitude(dc - last)
    for _ in range(rng.integers(0, 6)):
        run, value = int(rng.integers(0, 4)), int(rng.integers(1, 16)) * int(rng.choice([-1, 1]))
        bits.put(_AC.index(run << 4 | abs(value).bit_length()), 5)
        amplitude(value)
    bits.put(0, 5)


def made_jpeg(
    height: int,
    width: int,
    sampling: Sequence[tuple[int, int]],
    *,
    interval: int = 0,
    seed: int = 0,
    adobe: int | None = None,
) -> bytes:
    """A baseline JPEG of random coefficients: any sampling factors, any restart interval.

    Args:
        height: Rows.
        width: Columns.
        sampling: (horizontal, vertical) of each component.
        interval: Units from one restart marker to the next; 0 for none.
        seed: Of the coefficients.
        adobe: The colour transform that an Adobe segment names; None for a JFIF segment.
    """
    rng = np.random.default_rng(seed)
    factors = [(1, 1)] if len(sampling) == 1 else list(sampling)
    unit_w, unit_h = (8 * max(axis) for axis in zip(*factors, strict=True))
    units = -(-width // unit_w) * -(-height // unit_h)
    bits, last = _Bits(), [0] * len(sampling)
    for unit in range(units):
        if interval and unit and unit % interval == 0:
            bits.end(0xD0 + (unit // interval - 1) % 8)
            last = [0] * len(sampling)
        for part, (across, down) in enumerate(factors):
            for _ in range(across * down):
                dc = int(rng.integers(-60, 61))
                _put_block(bits, rng, dc, last[part])
                last[part] = dc
    bits.end(0xD9)
    parts = range(1, len(sampling) + 1)
    kinds = [bytes((part, h << 4 | v, 0)) for part, (h, v) in zip(parts, sampling, strict=True)]
    frame = struct.pack(">BHHB", 8, height, width, len(sampling)) + b"".join(kinds)
    scan = bytes([len(sampling), *(byte for part in parts for byte in (part, 0)), 0, 63, 0])
    return b"".join(
        [
            b"\xff\xd8",
            segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
            if adobe is None
            else segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([adobe])),
            segment(0xDB, b"\0" + bytes([8, *[5] * 63])),
            segment(0xC0, frame),
            _TABLES,
            segment(0xDD, struct.pack(">H", interval)) if interval else b"",
            segment(0xDA, scan),
            bytes(bits.out),
        ]
    )


def decoded(data: bytes, denominator: int = 1) -> np.ndarray:
    """The stored pixels by Pillow's libjpeg, made smaller while decoding; (height, width, ...)."""
    # Not by Image.open, whose own parser refuses odd metadata.
    walk = walk_jpeg(data)
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[walk.components]
    size = (-(-walk.width // denominator), -(-walk.height // denominator))
    return np.asarray(Image.frombytes(mode, size, data, "jpeg", mode, "", denominator, 0))
