"""How a batch is made: by threads, by worker processes, or as one gather."""
