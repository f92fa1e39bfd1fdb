"""What makes a trial fail: memory over the target, and an allocator that had to try again."""

from __future__ import annotations

from types import TracebackType

import pytest
import torch
from torch import nn

from fastdata.training import TrainConfig
from fastdata.training.placement import placed
from fastdata.training.stepping import supervised
from fastdata.tuning.memory import CudaMemory
from fastdata.tuning.trial import Trainee, run_trial

MIB = 1 << 20


class Told:
    """A meter that says what it is told to, as one on a crowded GPU would."""

    def __init__(self, *, peak_bytes: int, retried: bool) -> None:
        self.peak_bytes = peak_bytes
        self.retried = retried

    def __enter__(self) -> Told:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def available_bytes(self) -> int:
        return 100 * MIB


@pytest.mark.parametrize(
    ("peak_bytes", "retried", "verdict"),
    [
        (50 * MIB, False, "fits"),
        (90 * MIB, False, "fits"),
        (91 * MIB, False, "over target"),
        (50 * MIB, True, "allocator retried"),
    ],
)
def test_a_trial_fits_only_without_pressure(peak_bytes: int, retried: bool, verdict: str) -> None:
    model = nn.Linear(4, 2)
    where = placed(model, None, TrainConfig(device="cpu", precision="fp32"), local_rank=0)
    trainee = Trainee(
        where=where,
        step=supervised(nn.functional.cross_entropy),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
    )
    trial = run_trial(
        trainee,
        lambda size: (torch.ones(size, 4), torch.zeros(size, dtype=torch.int64)),
        8,
        meter=Told(peak_bytes=peak_bytes, retried=retried),
        target_bytes=90 * MIB,
    )
    assert (trial.verdict, trial.batch_size, trial.peak_bytes) == (verdict, 8, peak_bytes)


@pytest.mark.needs_gpu
def test_a_gpu_tells_the_peak_and_that_its_allocator_tried_again() -> None:
    device = torch.device("cuda", 0)
    meter = CudaMemory(device)
    with meter:
        idle = torch.cuda.memory_reserved(device)
        torch.ones(200 * MIB, dtype=torch.uint8, device=device)
    assert 200 * MIB <= meter.peak_bytes - idle < 260 * MIB
    assert not meter.retried
    total = torch.cuda.get_device_properties(device).total_memory
    try:
        with meter:
            idle = torch.cuda.memory_reserved(device)
            torch.cuda.set_per_process_memory_fraction((idle + 1024 * MIB) / total, device)
            torch.ones(600 * MIB, dtype=torch.uint8, device=device)
            # The first one's block is kept, and both together are more than there may be.
            torch.ones(700 * MIB, dtype=torch.uint8, device=device)
        assert meter.retried
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
