"""FastLoader, and the cache for slow datasets."""

from fastdata.loader.facade import FastLoader

__all__ = ["FastLoader"]
