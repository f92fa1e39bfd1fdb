"""The DALI pipeline: the same description runs on the CPU and on a GPU."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import torch
from nvidia.dali import Pipeline, backend, fn, types
from nvidia.dali.tensors import TensorCPU, TensorListCPU
from torch.utils.dlpack import from_dlpack

from fastdata.engines.dali.inputs import ImageBatch, ImageSpec, PipelineSpec
from fastdata.engines.dali.tuning import Tuning

__all__ = ["ImagePipeline", "give_memory_back"]

# ImageBatch's attributes that are operators' arguments: type and dimensions of one sample's.
_ARGUMENTS: Final[dict[str, tuple[Any, int]]] = {
    "part": (types.INT32, 1),
    "start": (types.FLOAT, 1),
    "end": (types.FLOAT, 1),
    "size": (types.FLOAT, 1),
    "quarters": (types.FLOAT, 0),
    "hflip": (types.INT32, 0),
    "vflip": (types.INT32, 0),
}
# DALI has no bfloat16.
_VALUES: Final[dict[str, Any]] = {
    "float32": types.FLOAT,
    "float16": types.FLOAT16,
    "bfloat16": types.FLOAT,
}

# Whose type stubs leave `contiguous` out.
_TensorList: Final[Any] = TensorListCPU

# Pipelines that a fork has copied without their threads: their end would wait for those.
_NOT_OURS: list[Any] = []


class ImagePipeline:
    """Makes the image fields of batches, several of them ahead, in order.

    One thread may `feed` while another runs or takes; no two may do either of these at once.

    Args:
        spec: What it makes.

    Attributes:
        spec: The same.
    """

    def __init__(self, spec: PipelineSpec) -> None:
        self.spec = spec
        self._pid = os.getpid()
        self._pipeline = Pipeline(
            batch_size=spec.batch_size,
            num_threads=spec.threads,
            device_id=spec.gpu,
            # More would make the first batch wait for others to be fed; any number can be scheduled
            # all the same.
            prefetch_queue_depth=1,
        )
        with self._pipeline:
            self._pipeline.set_outputs(*(_image(image, spec) for image in spec.images))
        self._pipeline.build()
        # What is fed and not yet taken: DALI reads it where it lies. Set after the pipeline, since
        # attributes go in the order they came, and that one must be gone before.
        self._fed: deque[Mapping[str, ImageBatch]] = deque()

    def __del__(self) -> None:
        if not self.is_of_this_process:
            _NOT_OURS.append(self._pipeline)

    @property
    def is_of_this_process(self) -> bool:
        """Whether no fork lies between; else its threads are not there."""
        return self._pid == os.getpid()

    def feed(self, inputs: Mapping[str, ImageBatch]) -> None:
        """Brings a batch to where `run` finds it; its data must not change until it is taken."""
        for image in self.spec.images:
            batch = inputs[image.name]
            # DALI's own, because it looks long at anything else: an array takes 6 us, a tensor 3, a
            # tensor of such a list 2. Nothing is copied.
            files = _TensorList([TensorCPU(data) for data in batch.data], contiguous=False)
            self._pipeline.feed_input(image.name, files)
            for name in _arguments(image):
                self._pipeline.feed_input(f"{image.name}.{name}", getattr(batch, name))
        self._fed.append(inputs)

    def run(self) -> None:
        """Begins with the batch that was fed."""
        self._pipeline.schedule_run()

    def take(self) -> dict[str, torch.Tensor]:
        """The oldest batch, images (B, H, W, C), waited for where it is not ready.

        On a GPU the current stream waits, not the caller. Nothing is copied (but for bfloat16): the
        memory is DALI's, which uses it again when the tensors have gone, after what was on that
        stream by then.

        Raises:
            RuntimeError: DALI could not make it; the pipeline can no longer be used.
        """
        gpu = self.spec.gpu
        stream = None if gpu is None else torch.cuda.current_stream(gpu)
        try:
            made = self._pipeline.share_outputs(stream)
        finally:
            self._fed.popleft()
        self._pipeline.release_outputs()
        with _current(gpu):
            return {
                # What DALI cannot make is rounded here; other types stay what they are.
                image.name: from_dlpack(images.as_tensor()).to(getattr(torch, image.pixels.dtype))
                for image, images in zip(self.spec.images, made, strict=True)
            }

    def discard(self) -> None:
        """Waits for the batches that nobody has taken, and lets them go.

        The caller waits, not a stream: so the next epoch's batches find their memory free, and the
        training's stream has nothing to do with them.

        Raises:
            RuntimeError: As by `take`.
        """
        while self._fed:
            try:
                self._pipeline.share_outputs()
            finally:
                self._fed.popleft()
            self._pipeline.release_outputs()


def give_memory_back() -> None:
    """Frees what DALI keeps for later and no pipeline uses, of the GPUs and of the host."""
    dali: Any = backend  # whose type stubs leave this call out
    dali.ReleaseUnusedMemory()


def _current(gpu: int | None) -> AbstractContextManager[Any]:
    return nullcontext() if gpu is None else torch.cuda.device(gpu)


def _arguments(image: ImageSpec) -> list[str]:
    wanted = {
        "part": image.takes_parts,
        "start": image.moves_pixels,
        "end": image.moves_pixels,
        "size": image.moves_pixels,
        "quarters": image.turns,
        "hflip": image.hflips,
        "vflip": image.vflips,
    }
    return [name for name, is_wanted in wanted.items() if is_wanted]


def _image(image: ImageSpec, spec: PipelineSpec) -> Any:
    """The operators for one field."""
    fed = {
        name: fn.external_source(
            name=f"{image.name}.{name}",
            dtype=_ARGUMENTS[name][0],
            ndim=_ARGUMENTS[name][1],
            no_copy=True,
        )
        for name in _arguments(image)
    }
    result = _source(image, fed, spec)
    if image.moves_pixels:
        result = fn.resize(
            result,
            size=fed["size"],
            roi_start=fed["start"],
            roi_end=fed["end"],
            interp_type=types.INTERP_LINEAR,
            antialias=True,
        )
    if image.turns:
        # At multiples of 90 degrees nearest is exact: every pixel falls on a pixel.
        result = fn.rotate(result, angle=fed["quarters"] * 90, interp_type=types.INTERP_NN)
    return _values(image, fed, result)


def _source(image: ImageSpec, fed: dict[str, Any], spec: PipelineSpec) -> Any:
    if not image.is_encoded:
        pixels = fn.external_source(
            name=image.name, dtype=types.UINT8, ndim=3, layout="HWC", no_copy=True
        )
        return pixels if spec.gpu is None else pixels.gpu()
    files = fn.external_source(name=image.name, dtype=types.UINT8, ndim=1, no_copy=True)
    options: dict[str, Any] = {
        "device": "cpu" if spec.gpu is None else "mixed",
        "output_type": types.RGB if image.channels == 3 else types.GRAY,
        # Files with an orientation do not come here.
        "adjust_orientation": False,
    }
    if spec.gpu is not None:
        options |= _decoding(spec.tuning)
    if not image.takes_parts:
        return fn.decoders.image(files, **options)
    start, shape = fed["part"][0:2], fed["part"][2:4]
    return fn.decoders.image_slice(files, start=start, shape=shape, axes=(0, 1), **options)


def _decoding(tuning: Tuning) -> dict[str, Any]:
    return {
        "jpeg_fancy_upsampling": tuning.interpolates_chroma,
        "hw_decoder_load": tuning.hw_load,
    }


def _values(image: ImageSpec, fed: dict[str, Any], result: Any) -> Any:
    """Flips and values, in one pass where the values change and columns alone are exchanged."""
    keeps_values = image.pixels.dtype == "uint8"
    if image.vflips or (image.hflips and keeps_values):
        flipped = {
            f"{word}": fed[name]
            for word, name in (("horizontal", "hflip"), ("vertical", "vflip"))
            if name in fed
        }
        # What is not exchanged here is not exchanged at all.
        result = fn.flip(result, **({"horizontal": 0} | flipped))
    if keeps_values:
        return result
    scale = image.pixels.scale
    mirror = {"mirror": fed["hflip"]} if image.hflips and not image.vflips else {}
    return fn.crop_mirror_normalize(
        result,
        dtype=_VALUES[image.pixels.dtype],
        output_layout="HWC",
        mean=[value / scale for value in image.pixels.mean],
        std=[value / scale for value in image.pixels.std],
        **mirror,
    )
