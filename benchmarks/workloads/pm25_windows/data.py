"""Air pollution by the hour, as one CSV file for training and a later one for evaluation.

    python -m workloads.pm25_windows.data --data DIR    files/{train,val}.csv in made/

With ``--data``, the rows are those of ``DIR/pm25/pollution.csv``, the PM2.5 data set of Beijing
(https://archive.ics.uci.edu/dataset/381); else a made series with the same columns, gaps included.

The first four fifths of the hours are for training, the rest for evaluation: the files share no
row, so no window reaches from one into the other.
"""

from __future__ import annotations

import csv
import datetime
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from workloads.command import make
from workloads.job import Job

TARGET = "pm2.5"
FEATURES = ("month", "hour", TARGET, "DEWP", "TEMP", "PRES", "cbwd", "Iws", "Is", "Ir")
WINDS = ("NE", "NW", "SE", "cv")
WINDOW, HORIZON = 24, 6  # hours seen, and hours from the last of them to the one to predict
JOB = Job(samples=43_824, epochs=8, work=Path(__file__).with_name("made"))

Row = dict[str, Any]


def make_files(job: Job) -> None:
    """Writes ``files/train.csv`` and ``files/val.csv``."""
    rows = list(made_hours(job.samples)) if job.data is None else real_hours(job)
    cut = len(rows) * 4 // 5
    folder = job.work / "files"
    folder.mkdir()
    for split, part in (("train", rows[:cut]), ("val", rows[cut:])):
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, part[0])
            writer.writeheader()
            writer.writerows(part)


def trivial_error(train_targets: np.ndarray, windows: np.ndarray, targets: np.ndarray) -> float:
    """Mean absolute error of the better of two guesses: the usual value, and no change.

    Args:
        train_targets: Values of the training series, (N,); their median is the usual value.
        windows: Of evaluation, (M, WINDOW, features).
        targets: Of evaluation, (M,).
    """
    last = windows[:, -1, FEATURES.index(TARGET)]
    guesses = (np.full_like(targets, median(train_targets.tolist())), last)
    return min(float(np.abs(targets - guess).mean()) for guess in guesses)


def real_hours(job: Job) -> list[Row]:
    """The first rows of the real file."""
    path = Path(job.data or "") / "pm25" / "pollution.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))[: job.samples]


def made_hours(count: int) -> Iterator[Row]:
    """Dust that gathers in still air, more by day than by night, and that north wind blows away."""
    random = np.random.default_rng(0)
    now = datetime.datetime(2010, 1, 1)
    dust, wind, blown = 80.0, 2, 1.0
    for at in range(count):
        if random.random() < 0.06:
            wind, blown = int(random.integers(len(WINDS))), 0.0
        blown += random.uniform(0.5, 3.0)
        season = np.cos(2 * np.pi * at / (24 * 365))
        daily = np.cos(2 * np.pi * (now.hour - 19) / 24)
        cleaned = min(0.12, 0.004 * blown) if WINDS[wind] in ("NE", "NW") else 0.01
        dust = max(5.0, dust * (1 - cleaned) + 2.5 + 4.0 * daily + season + random.normal(0, 4))
        temperature = 12 - 15 * season - 4 * np.cos(2 * np.pi * (now.hour - 3) / 24)
        yield {
            "No": at + 1,
            "year": now.year,
            "month": now.month,
            "day": now.day,
            "hour": now.hour,
            TARGET: "NA" if random.random() < 0.003 else round(dust),
            "DEWP": round(temperature - random.uniform(4, 14)),
            "TEMP": round(temperature),
            "PRES": round(1016 + 8 * season + random.normal(0, 2)),
            "cbwd": WINDS[wind],
            "Iws": round(blown, 2),
            "Is": 0,
            "Ir": 0,
        }
        now += datetime.timedelta(hours=1)


if __name__ == "__main__":
    make(__doc__, JOB, make_files)
