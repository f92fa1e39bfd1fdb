"""Finds the chosen command, runs it, and turns what it raises into one line and an exit code."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import metadata
from typing import NoReturn

import typer
from typer.main import get_command

from fastdata.cli import console, signals
from fastdata.errors import FastDataError

__all__ = ["COMMANDS", "main"]

# Name and summary of each command; its module is imported only when it is chosen.
COMMANDS = {
    "convert": "Pack a folder, list, table or series into one LMDB or HDF5 pack.",
    "inspect": "Show what is in a pack: fields, sizes, class balance; draw a contact sheet.",
    "verify": "Read every record of a pack and list what is wrong.",
    "profile": "Measure where the time of a training script goes, without changing it.",
    "train": "Train a model from a YAML config, a pack and a model of your own.",
    "monitor": "Watch GPUs, CPU, memory and storage beside a command or of the whole machine.",
    "doctor": "Check this machine: versions, GPU, cores, memory, speed, security fixes.",
    "demo": "Make images, convert them, and time training from files and from the pack.",
}

# The reader of the output, such as `head`, went away: as of a process that SIGPIPE ended.
READER_LEFT = 128 + 13

EXAMPLES = """\
[bold]Examples[/bold]

  fastdata demo
  fastdata convert photos/ photos.lmdb
  fastdata inspect photos.lmdb --html sheet.html
"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and ends the process with the command's exit code.

    Args:
        arguments: Words after the program's name; None takes those of this process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    console.make_safe()
    signals.install()
    code = 0
    try:
        code = _run(words)
        sys.stdout.flush()
    except OSError as error:
        # Without this the interpreter would flush again at exit, fail again and print a traceback.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
        # A long output fails before its end, and `_run` has told of it.
        code = code or _output_lost(error)
    sys.exit(signals.exit_code() or code)


def _output_lost(error: OSError) -> int:
    if error.errno == errno.EPIPE:
        return READER_LEFT
    console.fail(f"cannot write the output: {error.strerror}; free some space or choose another")
    return 5


def _run(words: list[str]) -> int:
    try:
        command = get_command(_build(words))
        result = command.main(args=words, prog_name="fastdata", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except SystemExit:  # typer's answer to a broken pipe, and to nothing else in this mode
        return READER_LEFT
    except Exception as error:
        return _report(error, words)


def _build(words: list[str]) -> typer.Typer:
    chosen = next((word for word in words if not word.startswith("-")), None)
    app = typer.Typer(
        name="fastdata", add_completion=False, rich_markup_mode="rich", epilog=EXAMPLES
    )
    app.callback(invoke_without_command=True)(_front)
    for name, summary in COMMANDS.items():
        if name == chosen:
            module = importlib.import_module(f"fastdata.cli.{name}")
            app.command(name, help=_flowing(module.HELP), epilog=module.EXAMPLES)(module.run)
        else:
            app.command(name, help=summary)(_not_chosen)
    return app


def _flowing(text: str) -> str:
    """Paragraphs on one line each, so that the terminal's width breaks them and nothing else."""
    return "\n\n".join(part.replace("\n", " ") for part in text.strip().split("\n\n"))


def _front(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    """Makes data loading stop being the reason why a GPU waits."""
    if version:
        console.stdout().print(f"fastdata {_version()}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        console.stdout().print(context.get_help())
        raise typer.Exit(2)


def _version() -> str:
    try:
        return metadata.version("fastdata")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _not_chosen() -> None:
    """Stands in for a command whose module this run does not need."""


def _report(error: Exception, words: list[str]) -> int:
    options = words[: words.index("--")] if "--" in words else words
    code, message = _explain(error, words)
    if "--debug" in options:
        for line in "".join(traceback.format_exception(error)).splitlines():
            console.note(line)
    if "--json" in options:
        kind = type(error).__name__
        console.print_json({"error": {"type": kind, "message": message, "exit_code": code}})
    console.fail(message)
    return code


def _explain(error: Exception, words: list[str]) -> tuple[int, str]:
    """The exit code, and one line that says what happened."""
    if isinstance(error, FastDataError):
        return error.exit_code, str(error)
    if isinstance(error, typer.TyperException):
        chosen = next((f" {word}" for word in words if word in COMMANDS), "")
        message = error.format_message().rstrip(".").replace("Value error, ", "")
        return 2, f"{message}; see 'fastdata{chosen} --help'"
    if isinstance(error, MemoryError):
        return 6, "out of memory; give the process more, or use fewer workers"
    if isinstance(error, OSError):
        return 5, f"{error}; check the path, its permissions and the free space"
    summary = f"{type(error).__name__}: {error}"
    return 1, f"this is a bug in fastdata ({summary}); run again with --debug and report the trace"
