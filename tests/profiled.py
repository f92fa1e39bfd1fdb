"""Runs training scripts under ``fastdata profile``, as a user does, and reads their reports."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from commands import Ended, run

from fastdata.profiling import Profile, read_profile

__all__ = ["Profiled", "loop", "profile"]


@dataclass(frozen=True)
class Profiled:
    """A command that was profiled to its end."""

    ended: Ended
    profile: Profile


def profile(
    folder: Path,
    script: str,
    *words: str,
    options: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
) -> Profiled:
    """Profiles a script, given as text, with the arguments `words`."""
    path = folder / "train_it.py"
    path.write_text(textwrap.dedent(script), encoding="utf-8")
    out = folder / "report"
    ended = run("profile", "-o", out, *options, "--", str(path), *words, env=env)
    return Profiled(ended, read_profile(out / "report.json"))


def loop(body: str = "", *, setup: str = "") -> str:
    """A plain loop; it runs `setup` before it, and `body` in it, with x, y, net and opt."""
    lines = textwrap.dedent(body) or TRAIN
    return PLAIN.replace("SETUP", textwrap.dedent(setup)).replace(
        "BODY", textwrap.indent(lines, "    " * 2)
    )


TRAIN = """\
loss = nn.functional.cross_entropy(net(x), y)
opt.zero_grad()
loss.backward()
opt.step()
"""

PLAIN = """\
import os, sys, time
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset

torch.set_num_threads(1)
torch.manual_seed(7)
EPOCHS, BATCHES, WORKERS = 1, 30, 0

class Numbers(Dataset):
    def __len__(self):
        return 4 * BATCHES
    def __getitem__(self, index):
        return torch.full((8,), float(index)), index % 2

net = nn.Linear(8, 2)
opt = torch.optim.SGD(net.parameters(), lr=0.01)
dataset = Numbers()
SETUP
loader = DataLoader(dataset, batch_size=4, num_workers=WORKERS)
for epoch in range(EPOCHS):
    for x, y in loader:
BODY
"""
