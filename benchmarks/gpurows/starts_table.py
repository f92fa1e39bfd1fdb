"""What the lines of epoch_starts.py show: memory at a few points, and whether it grows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["growth", "starts_faults", "starts_report"]

ALLOWED_BYTES = 16 << 20
"""Noise of allocators over the starts; one float16 batch of 256 that is kept has 77 MB, and a
pipeline more."""
ALLOWED_COUNT = 2
LABELS = {
    "gpu_used_bytes": "GPU memory used",
    "torch_reserved_bytes": "of it torch's",
    "held_bytes": "host memory",
    "pinned_bytes": "pinned besides",
    "threads": "threads",
    "files": "open files",
}


def starts_report(lines: Sequence[dict[str, Any]]) -> str:
    """A table, and the verdict below it."""
    measured = [line for line in lines if "start" in line]
    failed = [line["failed"] for line in lines if "failed" in line]
    if not measured:
        return f"Epoch starts of FastLoader `dali`: {' '.join(failed[0].split())}."
    names = [name for name in LABELS if name in measured[0]]
    header = " | ".join(("epoch starts", *(LABELS[name] for name in names)))
    rows = [
        " | ".join((f"{line['start']:,}", *(_figure(name, line[name]) for name in names)))
        for line in measured
    ]
    table = (f"| {header} |", "|---" * (len(names) + 1) + "|", *(f"| {row} |" for row in rows))
    return "\n".join((*table, "", _verdict(measured, failed)))


def starts_faults(lines: Sequence[dict[str, Any]]) -> list[str]:
    """What has grown more than noise, in one line each."""
    measured = [line for line in lines if "start" in line]
    return [
        f"{LABELS[name]} grew from epoch start {settled['start']} to {last['start']} by "
        f"{_figure(name, last[name] - settled[name])}; at most "
        f"{_figure(name, _allowed(name))} expected"
        for settled, last in _ends(measured)
        for name in LABELS
        if name in last and last[name] - settled[name] > _allowed(name)
    ]


def growth(lines: Sequence[dict[str, Any]], name: str) -> float:
    """How much more there is with each start, once a quarter of them has settled all pools."""
    (ends,) = _ends([line for line in lines if "start" in line])
    settled, last = ends
    return float(last[name] - settled[name]) / (last["start"] - settled["start"])


def _ends(measured: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The lines at a quarter of the starts and at the end; none where there are fewer than two."""
    if len(measured) < 2:
        return []
    quarter = min(measured, key=lambda line: abs(4 * line["start"] - measured[-1]["start"]))
    return [(quarter, measured[-1])]


def _allowed(name: str) -> int:
    return ALLOWED_BYTES if name.endswith("_bytes") else ALLOWED_COUNT


def _verdict(measured: Sequence[dict[str, Any]], failed: Sequence[str]) -> str:
    slopes = [
        f"{growth(measured, name) / 1e3:+.2f} kB of {LABELS[name]}"
        for name in ("gpu_used_bytes", "held_bytes")
        if _ends(measured) and name in measured[0]
    ]
    found = [*failed, *starts_faults(measured)]
    verdict = f"does not pass: {'; '.join(found)}" if found else "passes"
    place = measured[-1]["place"]
    return (
        f"FastLoader `dali`, left after the first batch of each epoch: "
        f"{', '.join(slopes) or 'too few starts to tell'} with each start from the first quarter "
        f"on, {verdict}. Run on {place}."
    )


def _figure(name: str, value: float) -> str:
    return f"{value / 1e6:,.0f} MB" if name.endswith("_bytes") else f"{value:,}"
