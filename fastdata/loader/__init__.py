"""FastLoader, and the cache for slow datasets."""
