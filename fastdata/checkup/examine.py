"""All checks, topic by topic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from fastdata.checkup import advisories, gpus, machine, software, speed, storage
from fastdata.checkup.finding import Finding, Section

__all__ = ["examine", "section"]

Check = Callable[[], Finding | tuple[Finding, ...]]


def examine(path: Path, *, root: Path = Path("/")) -> Iterator[Section]:
    """Checks the machine, one section after the other; all of it takes about five seconds.

    Args:
        path: File or folder whose read rate is measured.
        root: Folder with ``proc``, ``sys`` and ``dev``; another one only to try this function.
    """
    found = section("GPU", [gpus.gpus])
    has_gpu = any(finding.name.startswith("GPU ") for finding in found.findings)
    yield section(
        "software",
        [
            software.python,
            software.torch,
            software.native_core,
            software.pillow,
            software.libjpeg,
            lambda: software.dali(gpu=has_gpu),
        ],
    )
    yield found
    yield section(
        "machine",
        [
            lambda: machine.cores(root=root),
            lambda: machine.memory(root=root),
            lambda: machine.shared_memory(root=root),
            machine.descriptors,
        ],
    )
    yield section("speed", [speed.decoding, lambda: storage.storage(path)])
    yield section("security", [advisories.security])


def section(title: str, checks: Iterable[Check]) -> Section:
    """The findings of some checks; one that raises is a finding too, since the others still help.

    Args:
        title: The topic.
        checks: Functions that give a finding or several.
    """
    findings: list[Finding] = []
    for check in checks:
        try:
            found = check()
        except Exception as error:
            reason = f"a check failed: {type(error).__name__}: {error}"
            found = Finding(title, "fail", reason, "mend what it names, or report it")
        findings += (found,) if isinstance(found, Finding) else found
    return Section(title, tuple(findings))
