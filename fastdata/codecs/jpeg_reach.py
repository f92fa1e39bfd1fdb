"""How far a pixel of a decoded JPEG depends on its neighbours, by libjpeg's smooth upsampling.

Source: the "triangle filter" of libjpeg-turbo's jdsample.c: where chroma has half the columns, an
even column depends on the chroma sample before, an odd one on the sample behind; rows likewise.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastdata.codecs.jpeg import JpegWalk

__all__ = ["Reach", "reach_of"]

_BLOCK = 8
# Components that are at most so many samples wide are repeated instead of smoothed.
_NARROW = 2


@dataclass(frozen=True)
class Reach:
    """Which pixels depend on neighbours, for one way of decoding.

    Attributes:
        denominator: 1, 2, 4 or 8: how much smaller the picture is decoded.
        columns: Whether pixels depend on neighbouring columns.
        rows: Whether they depend on neighbouring rows.
    """

    denominator: int
    columns: bool
    rows: bool

    def widened(self, begin: int, end: int, size: int, *, along: bool) -> tuple[int, int]:
        """The stored range, half-open, that a wanted one depends on, of `size` pixels there are."""
        begin, end = begin // self.denominator, -(-end // self.denominator)
        if along:
            begin -= begin % 2 == 0
            end += end % 2 == 0
        return max(0, begin * self.denominator), min(size, end * self.denominator)

    def same_rule(self, narrow: int, width: int) -> bool:
        """Whether a picture `narrow` pixels wide is upsampled by the rule for one of `width`."""
        sample = 2 * self.denominator
        return not self.columns or -(-width // sample) <= _NARROW or -(-narrow // sample) > _NARROW


def reach_of(walk: JpegWalk, denominator: int) -> Reach:
    """The reach within a JPEG that is decoded `denominator` times smaller."""
    least = _BLOCK // denominator
    columns = rows = False
    if walk.components > 1 and least > 1:
        most = most_h, most_v = tuple(map(max, zip(*walk.sampling, strict=True)))
        for part in walk.sampling:
            side = _block_side(part, most, least)
            h, v = (factor * side // least for factor in part)
            columns |= h * 2 == most_h and v * 2 in (most_v, most_v * 2)
            rows |= v * 2 == most_v and h * 2 in (most_h, most_h * 2)
    return Reach(denominator, columns, rows)


def _block_side(part: tuple[int, ...], most: tuple[int, ...], least: int) -> int:
    """Samples along a block after a smaller inverse transform: less small for subsampled ones."""
    side = least
    while side < _BLOCK and all(
        largest * least % (factor * side * 2) == 0
        for factor, largest in zip(part, most, strict=True)
    ):
        side *= 2
    return side
