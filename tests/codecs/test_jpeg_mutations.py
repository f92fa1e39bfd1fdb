"""No damage of a JPEG ends a process, hangs it, or makes core and twin disagree."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fastdata.native.extension import compiled

MUTATIONS = os.environ.get("FASTDATA_MUTATIONS", "300")


@pytest.mark.skipif(compiled() is None, reason="there is no compiled core here")
def test_mutated_jpegs_go_through_all_of_the_core() -> None:
    script = Path(__file__).parents[1] / "jpegfuzz.py"
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "error", script, MUTATIONS],
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-4000:]
