"""The rows of the table."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CASES", "OURS", "POSSIBLE", "Case"]


@dataclass(frozen=True)
class Case:
    """One contender.

    Attributes:
        name: Its name in the JSON lines and for `--only`.
        label: What the table calls it.
        module: A file of this folder, with a function `make` that gives its `Stream`.
        arguments: Of that function, beyond the job.
        remedy: What installs what it needs.
        loads: Whether loading alone is measured as well.
        asked: The least ratio of `OURS` to it in loading alone; None where none is asked.
        asked_share: The least part of `POSSIBLE` that training with it must reach.
    """

    name: str
    label: str
    module: str
    arguments: tuple[str, ...] = ()
    remedy: str = ""
    loads: bool = True
    asked: float | None = None
    asked_share: float | None = None


DALI = "pip install nvidia-dali-cuda130, or nvidia-dali-cuda120 for drivers of CUDA 12"
OURS, POSSIBLE = "fast-dali", "synthetic"

CASES = (
    Case(
        OURS,
        "FastLoader, `dali`",
        "fastloader",
        ("dali",),
        asked_share=0.95,
    ),
    Case("fast-cpu", "FastLoader, `cpu` with device prefetch", "fastloader", ("cpu",)),
    Case(
        "dali-files",
        "DALI written by hand, files",
        "dali_files",
        remedy=DALI,
        asked=1.3,
    ),
    Case(
        "torchvision",
        "torchvision `decode_jpeg` and v2 on the GPU, files",
        "torchvision_gpu",
        remedy="pip install torchvision, of the version that goes with this torch",
    ),
    Case("torch-pillow", "torch DataLoader + Pillow, files", "plain"),
    Case(POSSIBLE, "one batch that lies on the GPU", "synthetic", loads=False),
)
