"""The losses of many batches, kept on the device until somebody wants to see them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import torch
from torch import Tensor

from fastdata.errors import NonFiniteLoss
from fastdata.training.peers import Peers

__all__ = ["Means", "Meter", "Place"]


class Place(NamedTuple):
    """Where a batch came in the run.

    Attributes:
        epoch: From 0.
        batch: In the epoch, from 0.
        indices: Its sample indices, or None where the loader does not tell.
    """

    epoch: int
    batch: int
    indices: Any = None


@dataclass
class Means:
    """Sums over the batches of all ranks since it was new."""

    loss_sum: float = 0.0
    samples: int = 0
    steps: int = 0

    @property
    def loss(self) -> float:
        """Mean over samples; NaN without any."""
        return self.loss_sum / self.samples if self.samples else math.nan

    def add(self, loss_sum: float, samples: int) -> None:
        """Takes in some batches."""
        self.loss_sum += loss_sum
        self.samples += samples


class Meter:
    """Collects losses; `flush` is where the CPU waits for the device.

    Args:
        peers: The ranks whose losses are summed.
        stops: Whether a loss that is not finite raises.
        find_indices: The sample indices of a batch of this epoch, where its place has none.
    """

    def __init__(
        self, peers: Peers, *, stops: bool, find_indices: Callable[[int], list[int] | None]
    ) -> None:
        self._peers = peers
        self._stops = stops
        self._find_indices = find_indices
        self._losses: list[Tensor] = []
        self._samples: list[int] = []
        self._places: list[Place] = []
        self.line = Means()
        self.epoch = Means()

    def add(self, loss: Tensor, samples: int, place: Place) -> None:
        """Takes in one batch, without looking at it."""
        self._losses.append(loss.detach().reshape(()))
        self._samples.append(samples)
        self._places.append(place)

    def flush(self) -> None:
        """Brings the sums up to date, in one copy from the device and one exchange among ranks.

        Raises:
            NonFiniteLoss: A loss is not a finite number.
        """
        losses = torch.stack(self._losses).tolist() if self._losses else []
        wrong = next((i for i, loss in enumerate(losses) if not math.isfinite(loss)), None)
        loss_sum = math.fsum(n * loss for n, loss in zip(self._samples, losses, strict=True))
        loss_sum, samples, wrong_ranks = self._peers.sum(
            [loss_sum, sum(self._samples), wrong is not None]
        )
        if self._stops and wrong_ranks:
            raise NonFiniteLoss(self._explain(wrong, losses))
        for means in (self.line, self.epoch):
            means.add(loss_sum, int(samples))
        self._losses, self._samples, self._places = [], [], []

    def _explain(self, wrong: int | None, losses: list[float]) -> str:
        # One step after the first such loss, that of every rank is as bad.
        first = -self._peers.largest(-math.inf if wrong is None else -wrong)
        if wrong is None or wrong > first:
            return (
                f"the loss is not finite on another rank than {self._peers.rank}; see its message"
            )
        place = self._places[wrong]
        found = self._find_indices(place.batch) if place.indices is None else place.indices.tolist()
        samples = (
            "unknown samples (a FastLoader tells them)" if found is None else f"samples {found}"
        )
        return (
            f"the loss is {losses[wrong]} in epoch {place.epoch}, batch {place.batch}: {samples}; "
            "look at them, lower the learning rate, or go on with on_nan='skip'"
        )

    def state_dict(self) -> dict[str, Any]:
        """The sums, after a `flush`."""
        return {"line": dict(vars(self.line)), "epoch": dict(vars(self.epoch))}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes what `state_dict` gave."""
        names = [field.name for field in fields(Means)]
        for means, saved in ((self.line, state["line"]), (self.epoch, state["epoch"])):
            for name in names:
                setattr(means, name, saved[name])
