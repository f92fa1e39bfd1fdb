"""Images decoded and resized by NVIDIA DALI, on the GPU or on the CPU.

::

    task -> images.py: records cut in the compressed domain     (producer thread, ahead of time)
         -> schedule.py: fed, and begun with                    (likewise)
         -> pipeline.py: decode, resize, turn, flip, normalise  (DALI's threads, on either device)
         -> batches.py: taken, in order                         (the thread that asks for batches)

Whoever asks for a batch that is ready gets it for about a millisecond of a slow core, where feeding
256 files takes two more: the training does not wait for what is prepared for later steps. It takes
batches itself, since their memory follows the CUDA stream that is current where they are taken.

Masks and distance maps are made by the core, as in the "cpu" engine, and moved with the batch.
Measured (CamVid, 480x360, crops to 224, one thread of the CPU): a mask takes 273 us, most of it for
the PNG's inflate, which is the host's in any case; DALI's nearest resize takes 143 us more, sends
1.5 times the bytes to a GPU, and gives other ids at 14 pixels in a million, since it rounds the
places in float32. A distance map takes 312 us, and 1,270 us by DALI's CPU operators.

Only pipeline.py imports DALI, which takes seconds; it is imported when this engine is asked for.
"""
