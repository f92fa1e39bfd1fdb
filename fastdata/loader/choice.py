"""Which engine makes a loader's batches: the first that can, and why not the others."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch.utils.data import ConcatDataset, IterableDataset, Subset, default_collate

from fastdata.engines.arrays import array_takes
from fastdata.engines.dali.missing import missing
from fastdata.engines.gather import Assemble
from fastdata.engines.gpus import no_gpu
from fastdata.engines.maker import PackMaker
from fastdata.engines.mapped import unmapped
from fastdata.engines.packed import PackFields, pack_fields
from fastdata.engines.take import Take
from fastdata.engines.values import DeferredValues
from fastdata.errors import UsageError
from fastdata.hardware import read_machine, read_ranks
from fastdata.loader.arguments import Request
from fastdata.loader.collate import RefusingCollate, SampleCollate
from fastdata.loader.gpudecoding import gpu_should_decode
from fastdata.loader.settings import choose_threads
from fastdata.schema import Image
from fastdata.transforms import Plan, plan

__all__ = ["Choice", "choose_engine"]

Function = Callable[[Any], Any]

_ENGINES = ("auto", "cpu", "torch", "dali")
# Of images that are JPEGs, or may be.
_JPEGS: Final = ("keep", "jpeg-fast", "jpeg")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The engine, and what it needs to know of the dataset.

    Attributes:
        engine: "cpu", "torch" or "dali".
        reason: Why.
        maker: Makes batches of packs, or None for other datasets.
        arrays: Gathers batches of arrays, and makes them what a DataLoader would.
        function: The function of a mapped pack.
        collate_fn: The user's, or None.
        shown_collate: What the loader shows as its collate function; None shows DataLoader's
            default.
        skip_bad: Whether samples that cannot be made are left out.
        later: What happens to the values of images on their device, where the maker leaves it out.
    """

    engine: str
    reason: str
    maker: PackMaker | None = None
    arrays: tuple[list[Take], Assemble] | None = None
    function: Function | None = None
    collate_fn: Function | None = None
    shown_collate: Function | None = None
    skip_bad: bool = False
    later: DeferredValues | None = None

    @property
    def gathers(self) -> bool:
        """Whether this process gathers batches without any thread."""
        if self.engine != "cpu":
            return False
        return self.arrays is not None or (self.maker is not None and self.maker.only_gathers)


def choose_engine(request: Request) -> Choice:
    """The engine for these arguments.

    Raises:
        UsageError: The one that was asked for cannot do it, or transforms and fields do not fit.
    """
    if request.engine not in _ENGINES:
        raise UsageError(f"engine={request.engine!r}; expected one of {', '.join(_ENGINES)}")
    checked = plan(request.transforms)
    dataset, function = unmapped(request.dataset)
    fields = _pack_fields(dataset, function, request)
    if fields is None and (checked.transforms or request.fields is not None):
        raise UsageError(
            f"transforms= and fields= are for packs; the dataset is a {_name(request.dataset)}; "
            "convert it to a pack, map packs by one function, or transform in the dataset"
        )
    choice = _other(request) if fields is None else _packed(request, fields, checked, function)
    if request.engine == "dali":
        choice = _with_dali(request, choice)
    elif _kind(request.device) == "cuda":
        choice = _on_gpu(request, choice)
    if request.engine == "cpu" and choice.engine != "cpu":
        raise UsageError(f"engine='cpu' cannot serve this loader: {choice.reason}; use 'auto'")
    return _with_later_values(choice, request.device)


def _with_dali(request: Request, choice: Choice) -> Choice:
    """The choice with DALI in place of threads.

    Raises:
        UsageError: It cannot serve this loader, or is not to be had here.
    """
    against = choice.reason if choice.engine != "cpu" else None
    if choice.maker is None or not choice.maker.rendered_images:
        against = against or "there is no image to decode or transform"
    if against is not None:
        raise UsageError(f"engine='dali' cannot serve this loader: {against}; use 'auto'")
    lacking = missing(request.device)
    if lacking is not None:
        raise UsageError(f"engine='dali': {lacking}; engine='auto' does without DALI")
    where = "cpu" if request.device is None else request.device
    reason = f"asked for; images are decoded and resized by DALI on {where}"
    return dataclasses.replace(choice, engine="dali", reason=reason)


def _on_gpu(request: Request, choice: Choice) -> Choice:
    """The choice with a GPU as device; for "auto", DALI in place of threads where it should be.

    Raises:
        UsageError: The GPU is not to be had here.
    """
    lacking = no_gpu(request.device)
    if lacking is not None:
        raise UsageError(f"device={str(request.device)!r}: {lacking}; device=None does without")
    maker = choice.maker
    is_for_threads = request.engine == "auto" and choice.engine == "cpu"
    if not is_for_threads or maker is None or not maker.rendered_images:
        return choice
    verdict = gpu_should_decode(
        cores=_cores(request.num_workers),
        jpegs=any(image.codec in _JPEGS for image in maker.rendered_images.values()),
        pixels=max(math.prod(maker.fields.first_size(name)) for name in maker.rendered_images),
    )
    if not verdict.gpu:
        return dataclasses.replace(choice, reason=f"{choice.reason}; {verdict.reason}")
    lacking = missing(request.device)
    if lacking is not None:
        return dataclasses.replace(
            choice, reason=f"{choice.reason}; {verdict.reason}, but {lacking}"
        )
    return dataclasses.replace(choice, engine="dali", reason=verdict.reason)


def _with_later_values(choice: Choice, device: Any) -> Choice:
    """The choice with bytes on their way to the device, where they become floats.

    DALI makes floats there in any case, and a function of the user's own gets what it asked for.
    """
    maker = choice.maker
    is_made_here = choice.function is None and choice.collate_fn is None
    if maker is None or choice.engine == "dali" or not is_made_here or _kind(device) == "cpu":
        return choice
    images = tuple(name for name, field in maker.schema.items() if isinstance(field, Image))
    pixels = maker.plan.pixels
    if pixels.dtype == "uint8" or not images:
        return choice
    raw = maker.raw()
    was = _how(maker)
    return dataclasses.replace(
        choice,
        maker=raw,
        later=DeferredValues(images, pixels),
        reason=f"{choice.reason.replace(was, _how(raw))}; bytes become {pixels.dtype} on {device}",
    )


def _how(maker: PackMaker) -> str:
    if maker.only_gathers:
        return "a pack whose fields have one size: whole batches are gathered"
    return "a pack with declared transforms: whole batches are decoded on threads"


def _kind(device: Any) -> str:
    return "cpu" if device is None else torch.device(device).type


def _cores(num_workers: Any) -> int:
    if isinstance(num_workers, int):
        return max(1, num_workers)
    return int(choose_threads(read_machine(), read_ranks()).value)


def _name(dataset: Any) -> str:
    if isinstance(dataset, Subset):
        return f"Subset of {_name(dataset.dataset)}"
    if isinstance(dataset, ConcatDataset):
        parts = dict.fromkeys(_name(part) for part in dataset.datasets)
        return f"ConcatDataset of {' and '.join(parts)}"
    return type(dataset).__name__


def _pack_fields(dataset: Any, function: Function | None, request: Request) -> PackFields | None:
    try:
        return pack_fields(dataset, request.fields)
    except UsageError:
        # Packs that do not fit together may still meet in a function of the user's own.
        is_left_to_it = _own_collate(request) is not None or function is not None
        if not is_left_to_it or request.transforms or request.fields is not None:
            raise
        return None


def _packed(
    request: Request, fields: PackFields, checked: Plan, function: Function | None
) -> Choice:
    maker = PackMaker(fields, checked, skip_bad=request.skip_bad)
    collate_fn = _own_collate(request)
    reason = _against_cpu(request, collate_fn)
    if function is not None:
        reason = "pack.map() runs a Python function for each sample"
    if checked.pixels.dtype == "bfloat16" and (function is not None or collate_fn is not None):
        raise UsageError(
            "pack.map() and collate_fn get NumPy values, and NumPy has no bfloat16; give the "
            "transforms dtype='float32', and cast what comes out"
        )
    if reason is None:
        return Choice(
            engine="cpu",
            reason=_how(maker),
            maker=maker,
            shown_collate=SampleCollate(maker.schema, checked),
            skip_bad=request.skip_bad,
        )
    return Choice(
        engine="torch",
        reason=reason,
        maker=maker,
        function=function,
        collate_fn=collate_fn,
        shown_collate=_shown_collate(request, maker, checked, function, collate_fn),
        skip_bad=request.skip_bad,
    )


def _shown_collate(
    request: Request,
    maker: PackMaker,
    checked: Plan,
    function: Function | None,
    collate_fn: Function | None,
) -> Function | None:
    gives_samples_as_they_are = not checked.transforms and request.fields is None
    if function is not None:
        return collate_fn if gives_samples_as_they_are else RefusingCollate(collate_fn)
    if collate_fn is not None and gives_samples_as_they_are:
        return collate_fn
    return SampleCollate(maker.schema, checked, collate_fn)


def _other(request: Request) -> Choice:
    collate_fn = _own_collate(request)
    if isinstance(request.dataset, IterableDataset):
        return Choice(
            engine="torch",
            reason="an IterableDataset",
            collate_fn=collate_fn,
            shown_collate=request.collate_fn,
        )
    found = array_takes(request.dataset)
    reason = _against_cpu(request, collate_fn)
    if found is not None and reason is None:
        return Choice(
            engine="cpu",
            reason="whole arrays: whole batches are gathered",
            arrays=found,
            shown_collate=request.collate_fn,
        )
    return Choice(
        engine="torch",
        reason=reason or f"a {type(request.dataset).__name__} runs Python code for each sample",
        collate_fn=collate_fn,
        shown_collate=request.collate_fn,
        skip_bad=request.skip_bad,
    )


def _own_collate(request: Request) -> Function | None:
    """The user's collate function, unless it is one that a loader shows as its default."""
    given = request.collate_fn
    if isinstance(given, SampleCollate | RefusingCollate):
        return given.function
    is_default = given is default_collate and array_takes(request.dataset) is not None
    return None if is_default else given


def _against_cpu(request: Request, collate_fn: Any) -> str | None:
    if request.engine == "torch":
        return "asked for"
    if collate_fn is not None:
        return "a collate_fn takes samples one by one"
    if request.one_by_one:
        return "batch_size=None asks for samples one by one"
    if request.process_only:
        return f"{request.process_only} is for worker processes"
    return None
