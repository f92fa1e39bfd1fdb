"""Turns the "auto" among a loader's settings into values that DataLoader takes, with reasons."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch.utils.data import IterableDataset

from fastdata.cores import core
from fastdata.hardware import Machine, Ranks
from fastdata.loader.arguments import Request
from fastdata.loader.choice import Choice
from fastdata.loader.settings import Setting, can_be_sent, choose_threads, choose_workers
from fastdata.native import extension

__all__ = ["resolve"]

_GIVEN = "given"


def resolve(
    choice: Choice, request: Request, machine: Machine, ranks: Ranks
) -> tuple[dict[str, Any], tuple[Setting, ...]]:
    """The settings of a loader.

    Args:
        choice: Its engine.
        request: What the user asked for.
        machine: What there is.
        ranks: Who shares it.

    Returns:
        Arguments for DataLoader, and what to say about them.
    """
    workers = _workers(choice, request, machine, ranks)
    count = workers.value
    # Settings for workers mean nothing where "auto" finds that there can be none.
    without = request.num_workers == "auto" and count == 0
    persistent = _persistent(choice, request, machine, count, without)
    prefetch = _prefetch(choice, request.prefetch_factor, count, without)
    pin = _pin(request.pin_memory)
    arguments = {
        "num_workers": count,
        "pin_memory": pin.value,
        "timeout": 0 if without and request.timeout >= 0 else request.timeout,
        "prefetch_factor": None if without else request.prefetch_factor,
        "persistent_workers": persistent.value,
        "multiprocessing_context": None if without else request.multiprocessing_context,
    }
    reasons = [workers, prefetch, pin]
    if choice.engine == "torch":
        reasons.append(persistent)
    elif not choice.gathers:
        reasons.append(Setting("core", core().NAME, extension.reason()))
    return arguments, tuple(reasons)


def _workers(choice: Choice, request: Request, machine: Machine, ranks: Ranks) -> Setting:
    if request.num_workers != "auto":
        return Setting("num_workers", request.num_workers, _GIVEN)
    if choice.gathers:
        return Setting("num_workers", 0, "a gather takes less time than handing it to a thread")
    if choice.engine != "torch":
        return choose_threads(machine, ranks)
    context = request.multiprocessing_context
    if context is not None:
        method = context if isinstance(context, str) else context.get_start_method()
        machine = dataclasses.replace(machine, start_method=method)
    sent = (request.dataset, request.collate_fn, request.worker_init_fn)
    return choose_workers(
        machine,
        ranks,
        iterable=isinstance(request.dataset, IterableDataset),
        unsendable=can_be_sent(machine, [entry for entry in sent if entry is not None]),
    )


def _persistent(
    choice: Choice, request: Request, machine: Machine, count: int, without: bool
) -> Setting:
    name, asked = "persistent_workers", request.persistent_workers
    if asked != "auto":
        return Setting(name, False if without else asked, _GIVEN)
    if choice.engine != "torch" or not count:
        return Setting(name, False, "there are no worker processes")
    if choice.maker is not None and choice.function is None and choice.collate_fn is None:
        return Setting(name, True, "a pack does not change between epochs")
    if machine.start_method != "fork":
        return Setting(name, True, f"starting workers by {machine.start_method} takes seconds")
    return Setting(
        name,
        False,
        f"forked workers start in milliseconds, and see what changed in the "
        f"{type(request.dataset).__name__} since the last epoch",
    )


def _prefetch(choice: Choice, asked: Any, count: int, without: bool) -> Setting:
    name = "prefetch_factor"
    if asked is not None and not without:
        return Setting(name, asked, _GIVEN)
    if not count or choice.gathers:
        return Setting(name, None, "batches are made when they are asked for")
    if choice.engine != "torch":
        return Setting(name, 2, "batches made ahead: one ready while the next is being made")
    return Setting(name, 2, "batches ahead by each worker, DataLoader's own default")


def _pin(asked: Any) -> Setting:
    if asked != "auto":
        return Setting("pin_memory", asked, _GIVEN)
    if torch.cuda.is_available():
        return Setting("pin_memory", True, "copies to the GPU from pinned memory overlap with it")
    return Setting("pin_memory", False, "there is no GPU")
