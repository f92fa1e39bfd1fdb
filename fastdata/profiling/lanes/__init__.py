"""Memory that a run's processes write their figures to, and the watcher reads them from."""
