"""Times as people read them keep three digits, whatever their size."""

from __future__ import annotations

import pytest

from fastdata.wording import human_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.00 ms"),
        (0.000_412, "0.41 ms"),
        (0.0412, "41.2 ms"),
        (0.099_96, "100 ms"),
        (0.412, "412 ms"),
        (0.999_6, "1.00 s"),
        (41.2, "41.2 s"),
        (59.96, "1 min 00 s"),
        (-0.0412, "-41.2 ms"),
    ],
)
def test_a_duration_in_three_digits(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text
