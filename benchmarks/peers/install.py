"""Makes the peers' environments: one a requirements file, because peers exclude one another.

    python benchmarks/peers/install.py                        all, into ~/.cache/fastdata-peers
    python benchmarks/peers/install.py --into DIR ffcv dali   these two, into DIR

About 17 GB. Some need packages of the system first; on Debian:

    apt-get install g++ pkg-config
    apt-get install libjpeg-dev zlib1g-dev             # pillow-simd
    apt-get install libturbojpeg0-dev libopencv-dev    # ffcv
    apt-get install libavdevice59 libavfilter8         # SPDL, in main

An environment that cannot be made keeps the reason in its FAILED.txt, from where it gets into the
table of results.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEFAULT = Path("~/.cache/fastdata-peers").expanduser()
NAMES = ("main", "pillow-simd", "torchvision", "dali", "ffcv", "streaming")

# Pillow-SIMD's page asks for AVX2 by name. FFCV links everything that OpenCV consists of, windows
# included, unless the linker drops what is not used.
VARIABLES = {"pillow-simd": {"CC": "cc -mavx2"}, "ffcv": {"LDFLAGS": "-Wl,--as-needed"}}


def python_of(environments: Path, name: str) -> Path:
    """The interpreter of an environment."""
    return environments / name / "bin" / "python"


def failure_of(environments: Path, name: str) -> str | None:
    """Why there is no such environment, or None if there is."""
    failed = environments / name / "FAILED.txt"
    if failed.exists():
        return failed.read_text(encoding="utf-8").strip()
    if not python_of(environments, name).exists():
        return f"no environment {name!r} in {environments}; install.py makes it"
    return None


def install(environments: Path, name: str) -> str | None:
    """Make one environment anew; returns the reason if that fails."""
    folder = environments / name
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    command = [str(python_of(environments, name)), "-m", "pip", "install"]
    done = subprocess.run(
        [*command, "-r", str(HERE / f"requirements-{name}.txt")],
        env=os.environ | VARIABLES.get(name, {}),
        stderr=subprocess.PIPE,
        text=True,
    )
    if not done.returncode:
        return None
    errors = [line for line in done.stderr.splitlines() if line.lower().startswith("error")]
    reason = (errors or done.stderr.splitlines() or ["pip failed"])[-1]
    (folder / "FAILED.txt").write_text(reason, encoding="utf-8")
    return reason


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--into", type=Path, default=DEFAULT)
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"no environment {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    reasons = {name: install(options.into, name) for name in options.names or NAMES}
    for name, reason in reasons.items():
        print(f"{name}: {reason or 'installed'}")
    return int(any(reasons.values()))


if __name__ == "__main__":
    raise SystemExit(main())
