"""What the rows of a step and the stages of a batch are called where people read them."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "ROW_LABELS",
    "ROW_MEANINGS",
    "STAGE_LABELS",
    "STAGE_MEANINGS",
    "shown_rows",
]

ROW_LABELS = {
    "exposed_data_wait": "waiting for data",
    "h2d": "copy to the device",
    "forward": "forward",
    "backward": "backward",
    "optimizer": "optimizer",
    "other_host_work": "other host work",
    "residual": "residual",
}

ROW_MEANINGS = {
    "exposed_data_wait": "the device had nothing to do, because the next batch was not there",
    "h2d": "copies from host to device",
    "forward": "the model and the loss",
    "backward": "gradients, with other ranks where there are any",
    "optimizer": "the update of the weights",
    "other_host_work": "the training thread computed something else",
    "residual": "the rest of the step: the thread slept, was blocked, or had no core",
}

STAGE_LABELS = {
    "read": "read",
    "crc": "checksum",
    "decode": "decode",
    "resize": "resize",
    "transform": "transform",
    "other": "other code",
    "collate": "collate",
    "copy": "copy",
    "hand_over": "hand over",
}

STAGE_MEANINGS = {
    "read": "bytes from the disk or the page cache",
    "crc": "the check of a record, at its first read unless verify='always'",
    "decode": "bytes into pixels or arrays",
    "resize": "pixels into the batch: resize, flips, change of values",
    "transform": "augmentation and conversion",
    "other": "what the dataset or the engine does besides these stages",
    "collate": "samples into one batch",
    "copy": "the batch to pinned memory, and to the device beside other work",
    "hand_over": "the batch to the training process",
}

_OF_TRAINING = ("forward", "backward", "optimizer")


def shown_rows(rows: Mapping[str, float]) -> list[str]:
    """The names to show of these seconds a step.

    Where nothing was trained, as of a loader alone, rows of nothing would only hide the others.
    """
    trains = any(rows[name] for name in _OF_TRAINING)
    return [name for name in ROW_LABELS if trains or rows[name]]
