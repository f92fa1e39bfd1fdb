"""Damaged JPEGs, as hypothesis draws them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

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
