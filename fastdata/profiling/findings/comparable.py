"""Whether two profiles are of one training on one machine, so that their times may be compared."""

from __future__ import annotations

from collections.abc import Iterator

from fastdata.profiling.record import LoaderFacts, Profile

__all__ = ["differences", "settings"]

# Runs of unlike length see other parts of a training: caches fill, processors grow hot.
_STEP_COUNTS = 0.1
# A last batch that is not full moves the mean of short runs by less.
_SAMPLES = 0.05
_LEAST = 1e-12


def differences(before: Profile, after: Profile, *, across_hosts: bool) -> Iterator[str]:
    """Why the two cannot be compared, a line a reason.

    Args:
        before: One profile.
        after: Another.
        across_hosts: Whether hosts of different names count as one kind of machine.
    """
    for name, profile in (("first", before), ("second", after)):
        if not profile.steps:
            yield f"the {name} has no steps ({profile.verdict.sentence.rstrip('.')})"
    if before.machine.host != after.machine.host and not across_hosts:
        yield _unlike("host", before.machine.host, after.machine.host)
    for name in ("cores", "device", "device_name"):
        yield from _unequal(name, getattr(before.machine, name), getattr(after.machine, name))
    yield from _unequal("clock", before.clock, after.clock)
    yield from _unequal("ranks", len(before.ranks) or 1, len(after.ranks) or 1)
    yield from _unlike_loaders(before.loader, after.loader)
    if _apart(before.samples_per_step, after.samples_per_step) > _SAMPLES:
        yield _unlike("samples a step", before.samples_per_step, after.samples_per_step)
    if before.steps and after.steps and _apart(before.steps, after.steps) > _STEP_COUNTS:
        yield _unlike("steps", before.steps, after.steps)


def _unlike_loaders(before: LoaderFacts | None, after: LoaderFacts | None) -> Iterator[str]:
    if before is None or after is None:
        if before is not after:
            yield "a loader was seen in one of them only"
        return
    for name in ("kind", "dataset", "samples", "batch_size"):
        yield from _unequal(f"loader {name}", getattr(before, name), getattr(after, name))


def settings(before: Profile, after: Profile) -> Iterator[str]:
    """What differs between two that can be compared, and may be why one is faster."""
    if before.loader is not None and after.loader is not None:
        for name in (
            "engine", "device", "workers", "prefetch_batches", "pin_memory", "persistent_workers",
        ):  # fmt: skip
            yield from _unequal(name, getattr(before.loader, name), getattr(after.loader, name))
    for name in ("platform", "python", "torch", "fastdata"):
        yield from _unequal(name, getattr(before.machine, name), getattr(after.machine, name))


def _unequal(name: str, before: object, after: object) -> Iterator[str]:
    if before != after:
        yield _unlike(name.replace("_", " "), before, after)


def _unlike(name: str, before: object, after: object) -> str:
    return f"{name} {before} before, {after} after"


def _apart(before: float | None, after: float | None) -> float:
    """By which part of the larger one two numbers differ; 1 when only one is known."""
    if before is None or after is None:
        return float(before is not after)
    return abs(after - before) / max(before, after, _LEAST)
