"""The README's examples, run one after the other as they are printed, on the demo's files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from fastdata.demo.files import write_files

README = Path(__file__).resolve().parents[1] / "README.md"
# As many as the demo makes in the rest of the last batch, at a twenty-fifth of the time.
SAMPLES = 40


def test_the_examples_run_and_print_what_the_readme_says(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    output = re.search(r"```\n\n```text\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    assert output is not None
    write_files(
        tmp_path / "demo/files",
        samples=SAMPLES,
        seed=0,
        threads=2,
        progress=lambda done, all_: None,
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    expected = output[1].replace("1000 packed", f"{SAMPLES} packed").splitlines()
    # What follows depends on the machine: its cores, and whether it has a GPU.
    assert done.stdout.splitlines()[:4] == expected[:4]
    assert list((tmp_path / "run" / "checkpoints").iterdir())


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150
