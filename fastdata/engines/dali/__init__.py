"""Images decoded and resized by NVIDIA DALI, on the GPU or on the CPU.

::

    task -> images.py: records cut in the compressed domain     (host threads, ahead of time)
         -> pipeline.py: decode, resize, turn, flip, normalise  (DALI, on either device)
         -> batches.py: in order, with everything else of the batch

Masks and distance maps are made by the core, as in the "cpu" engine: a PNG's inflate runs on the
host in any case, what leaves it is smaller than what comes in, and class ids stay the same to the
bit. `device` moves them.

Only pipeline.py imports DALI, which takes seconds; it is imported when this engine is asked for.
"""
