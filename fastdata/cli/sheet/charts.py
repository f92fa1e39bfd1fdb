"""Line charts of a window's features, as inline SVG."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["line_chart"]

WIDTH = 240
HEIGHT = 34
MARGIN = 3


def line_chart(values: NDArray[Any], *, low: float, high: float, steps: bool) -> str:
    """One feature over the rows of a window; missing values leave a gap.

    Args:
        values: (rows,).
        low: Value at the lower edge, the same for all windows on the sheet; beyond it is cut off.
        high: Value at the upper edge.
        steps: Draw stairs, for class codes, between which there is nothing.
    """
    numbers = np.clip(values.astype(np.float64), low, high)
    across = np.linspace(MARGIN, WIDTH - MARGIN, len(numbers)) if len(numbers) > 1 else [WIDTH / 2]
    up = HEIGHT - MARGIN - (numbers - low) / max(high - low, 1e-12) * (HEIGHT - 2 * MARGIN)
    commands: list[str] = []
    previous = None
    for x, y in zip(across, up, strict=True):
        if not np.isfinite(y):
            previous = None
            continue
        if previous is None:
            commands.append(f"M{x:.1f} {y:.1f}h0")
        else:
            commands.append(f"H{x:.1f}V{y:.1f}" if steps else f"L{x:.1f} {y:.1f}")
        previous = y
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="{"".join(commands)}" vector-effect="non-scaling-stroke"/></svg>'
    )
