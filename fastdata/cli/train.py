"""``fastdata train``: trains what a YAML config describes."""

from __future__ import annotations

import os
import signal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from fastdata.cli import console, signals
from fastdata.cli.options import DebugOption, JsonOption
from fastdata.hardware import read_ranks

__all__ = ["EXAMPLES", "HELP", "run"]

HELP = """\
Train a model from a YAML config, a pack and a model of your own.

The config names the model and the loss by import path (package.module:Name, from the config's
folder or the installed packages) and the pack; everything else has a default. The run folder gets
config.json, train.log, metrics.jsonl and checkpoints.

What a config names is imported and called. It may call your own modules, and models, losses,
optimizers and datasets of installed packages, but no other code of these and nothing of Python
itself. Modules run when they are imported: use only configs, and modules beside them, that you
trust.

Presets set what the config leaves open. balanced: the defaults. throughput: more batches ahead, and
rare logs, evaluation and checkpoints. memory: the batch in up to four accumulated parts, few
batches ahead, no trials of cuDNN, one checkpoint.

Under torchrun every process trains its share: torchrun --nproc-per-node 4 -m fastdata train ...
"""

EXAMPLES = """\
[bold]Examples[/bold]

  fastdata train train.yaml
  fastdata train train.yaml --set training.epochs=3 --set optimizer.lr=0.01
  fastdata train train.yaml --auto-batch --preset throughput
  fastdata train train.yaml --resume
  fastdata train train.yaml --suggest

[bold]A config[/bold]

  model: {path: "nets:Classifier", args: {classes: 4}}
  loss: torch.nn:CrossEntropyLoss
  data:
    train: photos.lmdb
    val_share: 0.1
    fields: \\[image, label]
    batch_size: 64
    transforms: \\[{RandomResizedCrop: 224}, HorizontalFlip, ToFloat]
  metrics: {kind: classification, classes: 4}
  training: {epochs: 10}
"""


class Preset(StrEnum):
    """Names of the presets; `fastdata.config.presets` says what they set."""

    balanced = "balanced"
    throughput = "throughput"
    memory = "memory"


Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file; see below.")]
PresetOption = Annotated[
    Preset | None, typer.Option("--preset", help="Set what the config leaves open.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace one setting; may be repeated."),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Run folder; else run.folder of the config."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on from the run folder's newest checkpoint.")
]
AutoBatch = Annotated[
    bool,
    typer.Option("--auto-batch", help="Find the batch size by real steps, then train with it."),
]
KeepGlobalBatch = Annotated[
    bool,
    typer.Option(
        "--keep-global-batch",
        help="With --auto-batch: accumulate to the size that the config gives.",
    ),
]
MemoryShare = Annotated[
    float,
    typer.Option("--memory-share", help="With --auto-batch: memory to use.", min=0.01, max=1.0),
]
Suggest = Annotated[
    bool,
    typer.Option(
        "--suggest",
        help="Train nothing; write NAME.suggested.yaml with settings for this machine.",
    ),
]


def run(
    config: Config,
    preset: PresetOption = None,
    overrides: Overrides = None,
    out: Out = None,
    resume: Resume = False,
    auto_batch: AutoBatch = False,
    keep_global_batch: KeepGlobalBatch = False,
    memory_share: MemoryShare = 0.9,
    suggest: Suggest = False,
    json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001
) -> None:
    """Trains what `config` describes."""
    if suggest:
        from fastdata.cli.trainrun.suggesting import show_suggestion

        show_suggestion(config, json=json)
        return
    document = _trained(
        config=config,
        preset=None if preset is None else preset.value,
        overrides=tuple(overrides or ()),
        out=out,
        resume=resume,
        auto_batch=auto_batch,
        keep_global_batch=keep_global_batch,
        memory_share=memory_share,
    )
    if json and read_ranks().rank == 0:
        console.print_json(document)


def _trained(**ordered: Any) -> dict[str, Any]:
    # OpenMP threads that spin while they wait take the cores away from those that load; with two
    # cores, steps of 2 ms took 160. The library reads this when torch loads it.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Only here, so that help and a wrong option do not wait for torch.
    from fastdata.cli.trainrun.running import Order, train

    try:
        with signals.handled_elsewhere(signal.SIGTERM):
            return train(Order(**ordered))
    except SystemExit as ended:  # the Trainer's, when it was asked to stop and has saved
        console.note("stopped by a signal; go on with --resume")
        raise typer.Exit(int(ended.code or 0)) from None
