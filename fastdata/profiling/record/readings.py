"""What a profile says, in one line, of where read bytes came from."""

from __future__ import annotations

from fastdata.profiling.record import Reading, Workers
from fastdata.wording import human_bytes

__all__ = ["reading_line"]

_LEAST_SHARE = 0.01


def reading_line(workers: Workers) -> str | None:
    """Such as "read 62% of the workers' time, 93% of bytes from storage, 180 MB/s".

    None where nothing was seen to be read.
    """
    reading = workers.reading
    if reading is None:
        return None
    share = sum(one.share for one in workers.stages if one.name == "read" and not one.operation)
    parts = [f"read {share:.0%} of the workers' time", *_origin(reading)]
    if reading.bytes_per_second:
        parts.append(f"{human_bytes(round(reading.bytes_per_second))}/s")
    # What is loaded of a program waits for storage as well, now and then.
    if reading.page_faults and (reading.storage_share or 0.0) >= _LEAST_SHARE:
        parts.append(f"{reading.page_faults:,} page faults that waited for storage")
    return ", ".join(parts)


def _origin(reading: Reading) -> list[str]:
    if reading.storage_share is not None:
        return [f"{reading.storage_share:.0%} of bytes from storage"]
    if reading.storage_bytes is not None:
        return []
    lacking = "what came from storage is not known (/proc/<pid>/io cannot be read)"
    if reading.cached_share is None:
        return [lacking]
    return [f"{lacking}; {reading.cached_share:.0%} of the pages looked at were cached"]
