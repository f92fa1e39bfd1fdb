"""``report.json``: a `Profile` on the disk, checked whole when it is read."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from fastdata.errors import InputError, StorageError
from fastdata.profiling.record import SCHEMA_VERSION, Profile

__all__ = ["dump_profile", "load_profile", "read_profile", "write_profile"]

# The longest timeline and 64 full worker lanes take 4 MB.
_MOST_BYTES = 64 << 20


_ADAPTER: TypeAdapter[Profile] = TypeAdapter(Profile)


def dump_profile(profile: Profile) -> str:
    """The profile as strict JSON: no NaN, keys in the order of the record.

    Raises:
        ValueError: A number in it is not finite.
    """
    return json.dumps(dataclasses.asdict(profile), indent=1, allow_nan=False) + "\n"


def load_profile(text: str | bytes, *, name: str = "the profile") -> Profile:
    """The profile in `text`.

    Args:
        text: As `dump_profile` gave it.
        name: Of its file, for the message.

    Raises:
        InputError: It is none, or one of another version.
    """
    try:
        found = json.loads(text)
        version = found.get("schema_version") if isinstance(found, dict) else None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is no JSON ({error}); expected a profile's report.json") from None
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{name} has schema_version {version!r}; this fastdata reads {SCHEMA_VERSION}; profile "
            "again with 'fastdata profile'"
        )
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InputError(
            f"{name} is no whole profile: {place}: {first['msg']}; profile again with 'fastdata "
            "profile'"
        ) from None


def read_profile(path: Path) -> Profile:
    """The profile in a file.

    Raises:
        InputError: It holds none, or one of another version.
        StorageError: It cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise InputError(f"{path} has {size:,} bytes; a profile has at most {_MOST_BYTES:,}")
        text = path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"cannot read {path}: {error.strerror}; expected the report.json of a profile",
            error.errno,
        ) from error
    return load_profile(text, name=str(path))


def write_profile(profile: Profile, path: Path) -> None:
    """Writes the profile; the file is whole or not there.

    Raises:
        StorageError: The disk said no.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(dump_profile(profile), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StorageError(
            f"cannot write {path}: {error.strerror}; free some space or choose another folder",
            error.errno,
        ) from error
