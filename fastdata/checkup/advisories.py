"""Installed versions below published security fixes of what reads data from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from fastdata.checkup.finding import Finding, State
from fastdata.checkup.software import installed_version

__all__ = ["ADVISORIES", "TABLE_DATE", "Advisory", "security"]

TABLE_DATE = "2026-11-20"


@dataclass(frozen=True)
class Advisory:
    """One published fault.

    Attributes:
        package: What has it, as it is called in messages.
        identifier: CVE number.
        fixed: First version without it.
        state: "fail" where a file can run code or write beyond memory, else "warn".
        fault: What a crafted file does, in a few words.
    """

    package: str
    identifier: str
    fixed: str
    state: State
    fault: str


# Source: CVE records and the projects' release notes, as of TABLE_DATE. The newest fix first, so
# that its version is the one that the remedy names.
ADVISORIES = (
    Advisory("torch", "CVE-2026-4538", "2.11.0", "warn", "a .pt2 archive is unpickled"),
    Advisory("torch", "CVE-2026-24747", "2.10.0", "fail", "a checkpoint runs code"),
    Advisory("torch", "CVE-2025-32434", "2.6.0", "fail", "a checkpoint runs code"),
    Advisory("Pillow", "CVE-2026-59200", "12.3.0", "warn", "a crafted image; see the advisory"),
    Advisory("Pillow", "CVE-2026-40192", "12.2.0", "warn", "a FITS file fills the memory"),
    Advisory("Pillow", "CVE-2026-25990", "12.1.1", "fail", "a PSD file writes beyond memory"),
    Advisory("HDF5", "CVE-2025-7067", "2.0.0", "warn", "a file overflows the heap"),
    Advisory("lmdb", "CVE-2019-16224", "2.1.0", "fail", "a database overflows the heap"),
    Advisory("PyYAML", "CVE-2020-14343", "5.4", "fail", "full_load runs code"),
)


def _hdf5() -> str | None:
    try:
        import h5py
    except (ImportError, OSError):
        return None
    return str(h5py.version.hdf5_version)


def _pillow() -> str | None:
    return installed_version("pillow") or installed_version("pillow-simd")


_VERSIONS: dict[str, Callable[[], str | None]] = {
    "torch": lambda: installed_version("torch"),
    "Pillow": _pillow,
    "HDF5": _hdf5,
    "lmdb": lambda: installed_version("lmdb"),
    "PyYAML": lambda: installed_version("PyYAML"),
}
_UPGRADES = {"HDF5": "h5py", "Pillow": "pillow"}


def security(versions: dict[str, str | None] | None = None) -> tuple[Finding, ...]:
    """One line a package: whether its version has every fix of the table.

    Args:
        versions: Versions by package; None takes those that are installed. None as a version
            means that the package is not there.
    """
    if versions is None:
        versions = {package: version() for package, version in _VERSIONS.items()}
    return tuple(_check(package, version) for package, version in versions.items())


def _check(package: str, version: str | None) -> Finding:
    if version is None:
        return Finding(package, "ok", "not installed")
    open_faults = [
        advisory
        for advisory in ADVISORIES
        if advisory.package == package and _numbers(version) < _numbers(advisory.fixed)
    ]
    if not open_faults:
        return Finding(package, "ok", f"{version}, has every fix listed here on {TABLE_DATE}")
    state: State = "fail" if any(fault.state == "fail" for fault in open_faults) else "warn"
    named = "; ".join(f"{fault.identifier}: {fault.fault}" for fault in open_faults)
    wanted = _UPGRADES.get(package, package)
    newest = open_faults[0].fixed
    pin = wanted if package == "HDF5" else f"'{wanted}>={newest}'"
    remedy = f"pip install --upgrade {pin}" + (f" (needs HDF5 {newest})" * (package == "HDF5"))
    return Finding(package, state, f"{version} ({named})", remedy)


def _numbers(version: str) -> tuple[int, ...]:
    """Leading numbers of a version: "2.13.0+cpu" is (2, 13, 0), and so is "2.13"."""
    matched = re.match(r"\d+(\.\d+)*", version)
    numbers = [] if matched is None else [int(part) for part in matched.group().split(".")]
    return tuple([*numbers, 0, 0, 0][: max(3, len(numbers))])
