"""``--suggest``: writes the config that the machine would want, and tells what differs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from fastdata.cli import console
from fastdata.tuning import suggest_config

__all__ = ["show_suggestion"]


def show_suggestion(config: Path, *, json: bool) -> None:
    """Writes the suggestion beside the config, and prints it.

    Args:
        config: The config.
        json: Whether to print for machines.
    """
    found = suggest_config(config)
    if json:
        console.print_json(dataclasses.asdict(found))
        return
    where = f"{found.cores} cores, no GPU"
    if found.gpu is not None:
        where = f"{found.gpu.name} ({found.gpu.memory_gib} GiB), {found.cores} cores"
    lines = [
        (change.key, f"{change.new} instead of {change.old}: {change.reason}")
        for change in found.changes
    ]
    console.print_facts(
        [
            ("for", where),
            *(lines or [("", "nothing to change")]),
            ("written", str(found.path)),
            ("next", f"fastdata train {found.path} --auto-batch"),
        ]
    )
