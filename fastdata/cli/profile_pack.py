"""``fastdata profile PACK``: measures a loader by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from fastdata.cli.profile_output import show
from fastdata.config.chains import build_transforms
from fastdata.errors import UsageError
from fastdata.profiling.plan import Plan

__all__ = ["profile_pack"]

_BATCHES = 50


def profile_pack(
    pack: Path, plan: Plan, *, transforms: str, batch_size: int, workers: int | None, out: Path,
    json: bool,
) -> None:  # fmt: skip
    """Takes batches of a pack as fast as FastLoader gives them.

    Args:
        pack: The pack.
        plan: Its `steps` are batches to measure.
        transforms: As typed; see `parse_transforms`.
        batch_size: Samples a batch.
        workers: Threads; None lets FastLoader choose.
        out: Folder for the report.
        json: Print the report on stdout as well.
    """
    chain = parse_transforms(transforms)
    from fastdata.loader import FastLoader
    from fastdata.profiling.alone import profile_loader

    loader = FastLoader(
        pack,
        batch_size,
        shuffle=True,
        num_workers="auto" if workers is None else workers,
        transforms=chain or None,
    )
    profile = profile_loader(loader, batches=plan.steps or _BATCHES, warmup=plan.warmup)
    show(profile, out=out, json=json)


def parse_transforms(text: str) -> list[Any]:
    """Transforms as a config writes them: ``RandomResizedCrop: 224, ToFloat``.

    Raises:
        UsageError: They are none.
    """
    written = text if text.lstrip().startswith("[") else f"[{text}]"
    try:
        entries = yaml.safe_load(written)
    except yaml.YAMLError:
        entries = None
    if not isinstance(entries, list) or not all(isinstance(one, str | dict) for one in entries):
        raise UsageError(
            f"--transforms {text!r}; expected names with their arguments, as in "
            "'RandomResizedCrop: 224, HorizontalFlip, ToFloat'"
        )
    return build_transforms(entries, key="--transforms")
