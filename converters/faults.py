"""Many faults in one message."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["listed"]

# Enough to see the pattern, few enough for one screen.
_SHOWN = 20


def listed(summary: str, faults: Sequence[str], about: str) -> str:
    """The summary with the first 20 faults, which need not name again what they are `about`."""
    shown = [fault.removeprefix(f"{about}, ") for fault in faults[:_SHOWN]]
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    return f"{summary}: {'; '.join(shown)}{more}"
