"""The table of ``fastdata profile --selfcheck``: how far figures are from what is known."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

import typer

from fastdata.cli import console

if TYPE_CHECKING:
    from fastdata.profiling.selfcheck import Check

__all__ = ["run_selfcheck"]

WRONG = 1


def run_selfcheck(*, json: bool) -> None:
    """Runs all gates, and prints each check as it is made.

    Raises:
        typer.Exit: With 1, when an error is larger than its tolerance.
    """
    # Threads that spin while they wait would take the cores from the workers that are measured.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch

    from fastdata.profiling.selfcheck import GATES, GPU_GATES

    has_gpu = torch.cuda.is_available()
    not_validated = [] if has_gpu else list(GPU_GATES)
    checks: list[Check] = []
    for gate in (GATES | GPU_GATES if has_gpu else GATES).values():
        for check in gate():
            checks.append(check)
            if not json:
                _print(check)
    wrong = sum(not check.ok for check in checks)
    if json:
        document = [
            dataclasses.asdict(check) | {"error": check.error, "ok": check.ok} for check in checks
        ]
        console.print_json(
            {"checks": document, "wrong": wrong, "not_validated_here": not_validated}
        )
    else:
        for name in not_validated:
            console.stdout().print(f"-      {name:<20}  not validated here: torch sees no GPU")
        console.stdout().print(f"{len(checks) - wrong} of {len(checks)} within their tolerance")
    if wrong:
        raise typer.Exit(WRONG)


def _print(check: Check) -> None:
    word = "ok" if check.ok else "WRONG"
    console.stdout().print(
        f"{word:<5}  {check.gate:<20}  expected {check.expected:8.3f}  measured "
        f"{check.measured:8.3f}  error {check.error:+7.3f} of {check.tolerance:5.3f} "
        f"{check.unit:<20}  {check.case}",
        soft_wrap=True,
    )
