"""Resources sampled beside a run: GPUs, CPU, memory, storage, page faults."""

from fastdata.monitoring.monitor import Monitor
from fastdata.monitoring.records import Figures, Sample, Status, Summary, Worker

__all__ = ["Figures", "Monitor", "Sample", "Status", "Summary", "Worker"]
