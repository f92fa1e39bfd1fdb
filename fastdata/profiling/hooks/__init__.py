"""What is put around functions of torch while a run is profiled."""

from fastdata.profiling.hooks.install import installed as installed

__all__ = ["installed"]
