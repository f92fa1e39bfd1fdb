"""Presets: a few settings for one aim, where the file says nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["PRESETS", "SUMMARIES", "with_preset"]

SUMMARIES = {
    "balanced": "the defaults: evaluation and a checkpoint each epoch, cuDNN's fastest algorithms",
    "throughput": "fewer interruptions and more batches ahead: rare logs, evaluation and "
    "checkpoints every second epoch",
    "memory": "small batches that accumulate to the size in the file, few batches ahead, no "
    "workspaces of cuDNN's trials, one checkpoint",
}

# Written out in full, so that a preset means the same when a default changes.
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "balanced": {
        "training": {
            "cudnn_benchmark": True,
            "log_interval": 50,
            "eval_interval": "1 epoch",
            "checkpoint_interval": "1 epoch",
        },
    },
    "throughput": {
        "data": {"prefetch_factor": 4},
        "training": {
            "cudnn_benchmark": True,
            "log_interval": 200,
            "eval_interval": "2 epochs",
            "checkpoint_interval": "2 epochs",
        },
    },
    "memory": {
        "data": {"prefetch_factor": 1},
        "training": {"cudnn_benchmark": False, "keep_last": 1},
    },
}

# Halving the batch twice: activations, most of the memory of a vision model, become a quarter.
_PARTS = 4
_DEFAULT_BATCH = 32


def with_preset(
    values: Mapping[str, Any], preset: str
) -> tuple[dict[str, Any], tuple[tuple[str, Any], ...]]:
    """The file's values with those of a preset where the file has none.

    Args:
        values: What the file says.
        preset: One of `PRESETS`.

    Returns:
        All values, and (key, value) of those that the preset has set.
    """
    merged = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in values.items()
    }
    changed: list[tuple[str, Any]] = []
    for section, settings in PRESETS[preset].items():
        own = merged.setdefault(section, {})
        if not isinstance(own, dict):  # wrong, which checking will tell
            continue
        for name, value in settings.items():
            if name not in own:
                own[name] = value
                changed.append((f"{section}.{name}", value))
    if preset == "memory":
        changed += _accumulated(merged)
    return merged, tuple(changed)


def _accumulated(values: dict[str, Any]) -> list[tuple[str, Any]]:
    """The batch in up to four parts, whose gradients make the same step."""
    data, training = values.get("data"), values.get("training")
    if not isinstance(data, dict) or not isinstance(training, dict) or "accumulate" in training:
        return []
    size = data.get("batch_size", _DEFAULT_BATCH)
    if type(size) is not int:
        return []
    parts = next((parts for parts in range(_PARTS, 1, -1) if size > 0 and size % parts == 0), 1)
    if parts == 1:
        return []
    data["batch_size"], training["accumulate"] = size // parts, parts
    return [("data.batch_size", size // parts), ("training.accumulate", parts)]
