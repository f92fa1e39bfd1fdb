"""The YAML of a training run: read safely, checked, with what it names imported."""

from fastdata.config.chains import build_transforms
from fastdata.config.checking import check
from fastdata.config.models import DataConfig, OutConfig, RunConfig, Target
from fastdata.config.overrides import with_overrides
from fastdata.config.presets import PRESETS, SUMMARIES, with_preset
from fastdata.config.reading import Document, read_document
from fastdata.config.targets import build, import_from, import_target

__all__ = [
    "PRESETS",
    "SUMMARIES",
    "DataConfig",
    "Document",
    "OutConfig",
    "RunConfig",
    "Target",
    "build",
    "build_transforms",
    "check",
    "import_from",
    "import_target",
    "read_document",
    "with_overrides",
    "with_preset",
]
