"""Damaged files end in an error or in the twin's pixels, never in a crash or in other pixels.

``FASTDATA_MUTATIONS=N`` tries N mutations.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from decodingcore import decoder
from realdata import real_data

PROGRAM = Path(__file__).parents[1] / "decodingverdicts.py"


def verdicts(*arguments):
    decoder()
    result = subprocess.run(
        [sys.executable, PROGRAM, *map(str, arguments)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-2000:]
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines
    return lines


def check(lines):
    overflows = 0
    for name, found, why, expected, twins_why, same in lines:
        case = (name, found, why, expected, twins_why)
        if (found, expected) == ("ok", "ok"):
            overflows += not same
        elif found == "ok":
            # What follows the wanted pixels is not read.
            assert "JPEG's compressed data are" in twins_why, case
        elif (found, expected) == ("bad", "ok"):
            # In the words of libjpeg, whose warnings the twin does not hear of.
            assert why.startswith("the JPEG is damaged ("), case
        else:
            assert found in ("bad", "left to the twin"), case
    # Coefficients that no picture has wrap around; in 1 of 2,400 mutations not as libjpeg's do.
    assert overflows <= len(lines) // 1000


@pytest.mark.parametrize("folder", ["bad/jpeg", "bad/mixed"])
def test_files_made_to_break_decoders(folder):
    check(verdicts("folder", real_data(folder)))


def test_mutations():
    lines = verdicts("mutations", 1, os.environ.get("FASTDATA_MUTATIONS", "600"))
    check(lines)
    assert {found for _, found, *_ in lines} == {"ok", "bad", "left to the twin"}
