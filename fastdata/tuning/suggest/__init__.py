"""Settings that fit the machine, written beside the user's own, each with its reason."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fastdata.config import RunConfig, Target, check, read_document
from fastdata.errors import FastDataError, StorageError, UsageError
from fastdata.hardware import Machine, read_machine, read_ranks
from fastdata.packs import open_pack
from fastdata.tuning.suggest.editing import edited
from fastdata.tuning.suggest.gpus import KNOWN_GPUS, Gpu, read_gpu
from fastdata.tuning.suggest.rules import Change, Setting, changes

__all__ = ["KNOWN_GPUS", "Change", "Gpu", "Suggestion", "suggest_config"]


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What a machine suggests for a config.

    Attributes:
        path: The file that was written.
        changes: What differs from the user's, each with its reason.
        gpu: What it is meant for; None for a CPU.
        cores: Likewise.
    """

    path: Path
    changes: tuple[Change, ...]
    gpu: Gpu | None
    cores: int


def suggest_config(
    config: str | Path, *, machine: Machine | None = None, gpu: Gpu | str | None = "auto"
) -> Suggestion:
    """Writes ``NAME.suggested.yaml`` beside a config: the same with settings for a machine.

    Order, comments and everything that is not changed stay as they are. Nothing is measured; batch
    sizes are where to start, and `find_batch_size` finds out.

    Args:
        config: A config that ``fastdata train`` takes.
        machine: Its cores and memory; None reads this one.
        gpu: A `Gpu`, the name of a known one such as "A100", "auto" for this machine's first, or
            None for a machine without.

    Raises:
        UsageError: The config is wrong, or no such GPU is known.
        StorageError: The file cannot be written.
    """
    path = Path(config)
    if not path.is_file():
        raise UsageError(f"there is no config {path}; expected a YAML file")
    document = read_document(path)
    checked = check(document)
    setting = Setting(
        machine=machine or read_machine(),
        ranks=read_ranks(),
        gpu=_gpu(gpu),
        samples=_samples(checked, path.resolve().parent),
    )
    wanted = changes(checked, setting)
    text = path.read_bytes().decode("utf-8-sig")
    written = path.with_name(f"{path.stem}.suggested{path.suffix}")
    _write(written, edited(text, wanted))
    return Suggestion(path=written, changes=wanted, gpu=setting.gpu, cores=setting.machine.cores)


def _gpu(wanted: Gpu | str | None) -> Gpu | None:
    if wanted == "auto":
        return read_gpu()
    if isinstance(wanted, str):
        if wanted not in KNOWN_GPUS:
            raise UsageError(f"gpu={wanted!r} is not known; known are {', '.join(KNOWN_GPUS)}")
        return KNOWN_GPUS[wanted]
    return wanted


def _samples(config: RunConfig, folder: Path) -> int | None:
    """Samples of the training pack; None when it is none, or is not there yet."""
    if isinstance(config.data.train, Target):
        return None
    try:
        with open_pack(folder / config.data.train) as pack:
            return round(len(pack) * (1 - config.data.val_share))
    except FastDataError:
        return None


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".tmp")
    try:
        partial.write_bytes(text.encode("utf-8"))
        os.replace(partial, path)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}", error.errno) from error
