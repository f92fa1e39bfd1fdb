"""Images decoded and resized by NVIDIA DALI, on the GPU or on the CPU.

::

    task -> images.py: records cut in the compressed domain     (host threads, ahead of time)
         -> pipeline.py: decode, resize, turn, flip, normalise  (DALI, on either device)
         -> batches.py: in order, with everything else of the batch

Masks and distance maps are made by the core, as in the "cpu" engine, and moved with the batch.
Measured (CamVid, 480x360, crops to 224, one thread of the CPU): a mask takes 273 us, most of it for
the PNG's inflate, which is the host's in any case; DALI's nearest resize takes 143 us more, sends
1.5 times the bytes to a GPU, and gives other ids at 14 pixels in a million, since it rounds the
places in float32. A distance map takes 312 us, and 1,270 us by DALI's CPU operators.

Only pipeline.py imports DALI, which takes seconds; it is imported when this engine is asked for.
"""
