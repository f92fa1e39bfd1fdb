"""Resources sampled beside a run: GPUs, CPU, memory, storage."""
