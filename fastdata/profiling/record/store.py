"""``report.json``: a `Profile` on the disk, checked whole when it is read."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fastdata.errors import InputError, StorageError
from fastdata.profiling.record import SCHEMA_VERSION, Profile

__all__ = ["dump_profile", "load_profile", "read_profile", "write_profile", "write_whole"]

# The longest timeline and 64 full worker lanes take 4 MB.
_MOST_BYTES = 64 << 20


_ADAPTER: TypeAdapter[Profile] = TypeAdapter(Profile)


def dump_profile(profile: Profile) -> str:
    """The profile as strict JSON: no NaN, keys in the order of the record.

    Raises:
        ValueError: A number in it is not finite.
    """
    document = _encodable(dataclasses.asdict(profile))
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _encodable(value: Any) -> Any:
    """`value` with an escape for each byte of a file name that is no text; JSON has none."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {key: _encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(item) for item in value]
    return value


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
    write_whole({path: dump_profile(profile)})


def write_whole(texts: Mapping[Path, str]) -> None:
    """Writes files that belong together; none takes its name before all are written.

    Args:
        texts: By paths, whose folders are made where they are not there.

    Raises:
        StorageError: The disk said no.
    """
    partials = {path: path.with_name(f"{path.name}.{os.getpid()}.partial") for path in texts}
    path = next(iter(texts))
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partials[path].write_text(text, encoding="utf-8")
        for path, partial in partials.items():
            partial.replace(path)
    except OSError as error:
        for partial in partials.values():
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
        raise StorageError(
            f"cannot write {path}: {error.strerror}; free some space or choose another folder",
            error.errno,
        ) from error
