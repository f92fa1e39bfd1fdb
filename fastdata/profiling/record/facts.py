"""What is known of a run before anything in it is measured: its loader, and its machine."""

from __future__ import annotations

from dataclasses import dataclass

from fastdata.profiling.record.strict import Strict

__all__ = ["LoaderFacts", "MachineFacts"]


@dataclass(frozen=True, kw_only=True)
class LoaderFacts(Strict):
    """The training loader, as it describes itself.

    Attributes:
        kind: Its class, such as "DataLoader" or "FastLoader".
        engine: A FastLoader's engine, such as "cpu"; None for others.
        dataset: The dataset's class, or the pack's path.
        samples: Length of the dataset.
        batch_size: Samples a batch.
        workers: Worker processes, or threads of a FastLoader's engine; 0 loads on the caller's.
        prefetch_batches: Batches made ahead by each worker, or by the engine.
        pin_memory: Whether batches are pinned.
        persistent_workers: Whether workers outlive an epoch.
        gathers: Whether a FastLoader's batches are only gathered, for which it takes no threads.
        device: Where a FastLoader was asked to leave its batches; None for others, and where it
            leaves them in main memory.
    """

    kind: str
    engine: str | None
    dataset: str
    samples: int | None
    batch_size: int | None
    workers: int
    prefetch_batches: int | None
    pin_memory: bool
    persistent_workers: bool
    gathers: bool = False
    device: str | None = None


@dataclass(frozen=True, kw_only=True)
class MachineFacts(Strict):
    """Where the profile was made; two of them are comparable only on machines alike.

    Attributes:
        host: Its name.
        platform: Such as "Linux-6.1-x86_64".
        cores: This process could use.
        memory_bytes: It could use.
        device: Where the training computed, such as "cpu" or "cuda:0".
        device_name: The GPU's name; None on a CPU.
        python: Version.
        torch: Version.
        fastdata: Version.
    """

    host: str
    platform: str
    cores: int
    memory_bytes: int
    device: str | None
    device_name: str | None
    python: str
    torch: str | None
    fastdata: str
