"""What a GPU can do, by its compute capability, and those that are well known."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["KNOWN_GPUS", "Gpu", "read_gpu"]


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One GPU.

    Attributes:
        name: As the driver tells it.
        memory_gib: In all.
        capability: Compute capability, such as (8, 0).
    """

    name: str
    memory_gib: int
    capability: tuple[int, int]

    @property
    def has_tensor_cores(self) -> bool:
        """Whether half precision is several times faster; from Volta on."""
        return self.capability >= (7, 0)

    @property
    def has_bf16(self) -> bool:
        """Whether it computes in bf16 and TF32; from Ampere on."""
        return self.capability >= (8, 0)


# Source: NVIDIA's data sheets, and its table "CUDA GPU Compute Capability".
KNOWN_GPUS = {
    gpu.name: gpu
    for gpu in (
        Gpu(name="P100", memory_gib=16, capability=(6, 0)),
        Gpu(name="V100", memory_gib=16, capability=(7, 0)),
        Gpu(name="T4", memory_gib=16, capability=(7, 5)),
        Gpu(name="RTX 2080 Ti", memory_gib=11, capability=(7, 5)),
        Gpu(name="A100", memory_gib=40, capability=(8, 0)),
        Gpu(name="A10", memory_gib=24, capability=(8, 6)),
        Gpu(name="RTX 3090", memory_gib=24, capability=(8, 6)),
        Gpu(name="L4", memory_gib=24, capability=(8, 9)),
        Gpu(name="RTX 4090", memory_gib=24, capability=(8, 9)),
        Gpu(name="H100", memory_gib=80, capability=(9, 0)),
        Gpu(name="H200", memory_gib=141, capability=(9, 0)),
        Gpu(name="B200", memory_gib=180, capability=(10, 0)),
        Gpu(name="RTX 5090", memory_gib=32, capability=(12, 0)),
    )
}


def read_gpu() -> Gpu | None:
    """This machine's first GPU, or None."""
    import torch

    if not torch.cuda.is_available():
        return None
    found = torch.cuda.get_device_properties(0)
    return Gpu(
        name=found.name,
        memory_gib=round(found.total_memory / 2**30),
        capability=(found.major, found.minor),
    )
