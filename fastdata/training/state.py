"""Everything that decides how a run goes on, as plain data."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from fastdata.errors import CheckpointError
from fastdata.training import rng
from fastdata.training.accumulate import Window
from fastdata.training.ema import WeightAverage
from fastdata.training.feed import Feed
from fastdata.training.meter import Meter
from fastdata.training.patience import Patience
from fastdata.training.peers import Peers
from fastdata.training.progress import Progress
from fastdata.training.update import Updater

__all__ = ["RunState"]


@dataclass(kw_only=True)
class RunState:
    """The parts of a run that have a state. Ranks share all of it but `feed` and random numbers."""

    model: nn.Module
    updater: Updater
    average: WeightAverage | None
    window: Window
    meter: Meter
    patience: Patience
    feed: Feed
    progress: Progress
    peers: Peers
    device: torch.device

    def state_dict(self) -> dict[str, Any]:
        """The state now; the device is waited for, and every rank must call it.

        Raises:
            NonFiniteLoss: The run is not worth saving.
        """
        self.meter.flush()
        return {
            "model": self.model.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "updater": self.updater.state_dict(),
            "window": self.window.state_dict(),
            # Only a single process stops within a step; ranks would each have gradients of its own.
            "gradients": self._gradients() if self.window.is_open else {},
            "meter": self.meter.state_dict(),
            "patience": self.patience.state_dict(),
            "progress": asdict(self.progress),
            "ranks": self._of_all_ranks(
                {"feed": self.feed.state_dict(), "rng": rng.read(self.device)}
            ),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Makes the run go on from a state.

        Raises:
            CheckpointError: It is of another model or another kind of run, or other ranks would
                train on some of its samples once more.
        """
        try:
            self._refuse_recounting(state)
            self._load(state)
        except CheckpointError:
            raise
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(
                f"the checkpoint is of another run: {reason}; give the model, optimizer and loader "
                "that it was saved with, or another folder"
            ) from error

    def _load(self, state: Mapping[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        if self.average is not None:
            # A run that begins to average takes the weights as they are.
            self.average.load_state_dict(state["average"] or self.model.state_dict())
        self.updater.load_state_dict(state["updater"])
        self.window.load_state_dict(state["window"])
        self._put_gradients(state["gradients"])
        self.meter.load_state_dict(state["meter"])
        self.patience.load_state_dict(state["patience"])
        for name, value in state["progress"].items():
            setattr(self.progress, name, value)
        if len(state["ranks"]) != self.peers.world and self.progress.batch:
            self.progress.is_recut = True
        # With more ranks than before, the new ones know the loader's place from the first.
        own = self.peers.rank if self.peers.rank < len(state["ranks"]) else 0
        self.feed.load_state_dict(state["ranks"][own]["feed"])
        if own == self.peers.rank:
            rng.restore(state["ranks"][own]["rng"], self.device)

    def _refuse_recounting(self, state: Mapping[str, Any]) -> None:
        saved, found = len(state["ranks"]), self.peers.world
        if saved == found:
            return
        began, now = f"{_processes(saved)} began", f"found {_processes(found)}"
        if within := state["window"]["batches"]:
            raise CheckpointError(
                f"the checkpoint holds {within} batches of a step that {began}; {now}, each of "
                f"which would count them; go on with {_processes(saved)}, or from a checkpoint "
                "without '+' in its name"
            )
        if state["progress"]["batch"] and not self.feed.can_cut_anew(state["ranks"][0]["feed"]):
            raise CheckpointError(
                f"the checkpoint is from within an epoch that {began}; {now}, and a loader that "
                f"cannot share out what is left; go on with {_processes(saved)}, or from a "
                "checkpoint of an epoch's end; a FastLoader can, from the beginning of a run"
            )

    def _gradients(self) -> dict[str, torch.Tensor]:
        named = self.model.named_parameters()
        return {name: weight.grad for name, weight in named if weight.grad is not None}

    def _put_gradients(self, gradients: Mapping[str, torch.Tensor]) -> None:
        for name, weight in self.model.named_parameters():
            found = gradients.get(name)
            weight.grad = None if found is None else found.to(weight.device)

    def _of_all_ranks(self, own: dict[str, Any]) -> list[dict[str, Any]]:
        if self.peers.world == 1:
            return [own]
        written = io.BytesIO()
        torch.save(own, written)
        return [
            torch.load(io.BytesIO(found), weights_only=True)
            for found in self.peers.gather(written.getvalue())
        ]


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"
