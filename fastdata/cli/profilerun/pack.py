"""``fastdata profile PACK``: measures a loader by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fastdata.cli.profilerun.output import show
from fastdata.errors import UsageError
from fastdata.profiling.clocks.plan import Plan

__all__ = ["Loading", "profile_pack"]

_BATCHES = 50


@dataclass(frozen=True, kw_only=True)
class Loading:
    """How a pack is loaded; the names are FastLoader's, where not said otherwise.

    Attributes:
        transforms: As typed; see `parse_transforms`.
        fields: As typed: names with commas between them; empty for all.
        batch_size: Samples a batch.
        workers: Its `num_workers`; None lets FastLoader choose.
        engine: Its name.
        device: Where batches are to be; None leaves them in main memory.
    """

    transforms: str = ""
    fields: str = ""
    batch_size: int = 64
    workers: int | None = None
    engine: str = "auto"
    device: str | None = None

    def given(self) -> Iterator[str]:
        """The options that are not at their defaults."""
        for field in dataclasses.fields(self):
            if getattr(self, field.name) != field.default:
                yield f"--{field.name.replace('_', '-')}"


def profile_pack(pack: Path, plan: Plan, loading: Loading, *, out: Path, json: bool) -> None:
    """Takes batches of a pack as fast as FastLoader gives them.

    Args:
        pack: The pack.
        plan: Its `steps` are batches to measure.
        loading: How.
        out: Folder for the report.
        json: Print the report on stdout as well.

    Raises:
        UsageError: FastLoader refuses an option, or has no such GPU, or no DALI.
    """
    chain = parse_transforms(loading.transforms)
    from fastdata.loader import FastLoader
    from fastdata.profiling.alone import profile_loader

    loader = FastLoader(
        pack,
        loading.batch_size,
        shuffle=True,
        num_workers="auto" if loading.workers is None else loading.workers,
        transforms=chain or None,
        fields=[name.strip() for name in loading.fields.split(",")] if loading.fields else None,
        engine=loading.engine,
        device=loading.device,
    )
    _use_gpu(loading.device)
    profile = profile_loader(loader, batches=plan.steps or _BATCHES, warmup=plan.warmup)
    show(profile, out=out, json=json)


def _use_gpu(device: str | None) -> None:
    """Makes a GPU the current one: its clock is then that of the profile."""
    import torch

    found = torch.device(device or "cpu")
    if found.type == "cuda" and found.index is not None:
        torch.cuda.set_device(found)


def parse_transforms(text: str) -> list[Any]:
    """Transforms as a config writes them: ``RandomResizedCrop: 224, ToFloat``.

    Raises:
        UsageError: They are none.
    """
    from fastdata.config.chains import build_transforms  # it loads torch

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
