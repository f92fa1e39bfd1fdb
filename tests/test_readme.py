"""The README's example, run as it is printed, on the demo's files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from fastdata.demo.files import write_files

README = Path(__file__).resolve().parents[1] / "README.md"
# As many as the demo makes in the rest of the last batch, at a twenty-fifth of the time.
SAMPLES = 40


def test_the_example_prints_what_the_readme_says(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL)
    assert example is not None
    code, output = example.groups()
    write_files(
        tmp_path / "demo/files",
        samples=SAMPLES,
        seed=0,
        threads=2,
        progress=lambda done, all_: None,
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    expected = output.replace("1000 packed", f"{SAMPLES} packed").splitlines()
    # What follows depends on the machine: its cores, and whether it has a GPU.
    assert done.stdout.splitlines()[:4] == expected[:4]


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150
