"""FastLoader, and the cache for slow datasets."""

from fastdata.loader.cached import CachedDataset, cache
from fastdata.loader.facade import FastLoader

__all__ = ["CachedDataset", "FastLoader", "cache"]
