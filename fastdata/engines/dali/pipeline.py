"""The DALI pipeline: the same description runs on the CPU and on a GPU."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from nvidia.dali import Pipeline, fn, types
from torch.utils.dlpack import from_dlpack

from fastdata.engines.dali.inputs import ImageInput, ImageSpec, PipelineSpec, per_sample

__all__ = ["ImagePipeline"]

# ImageInput's attributes that are operators' arguments: dtype and dimensions of one sample's.
_ARGUMENTS: Final[dict[str, tuple[Any, Any, int]]] = {
    "part": (np.int32, types.INT32, 1),
    "start": (np.float32, types.FLOAT, 1),
    "end": (np.float32, types.FLOAT, 1),
    "size": (np.float32, types.FLOAT, 1),
    "quarters": (np.float32, types.FLOAT, 0),
    "hflip": (np.int32, types.INT32, 0),
    "vflip": (np.int32, types.INT32, 0),
}

# Pipelines that a fork has copied without their threads: their end would wait for those.
_NOT_OURS: list[Any] = []


class ImagePipeline:
    """Makes the image fields of batches, several of them ahead, in order.

    Args:
        spec: What it makes.

    Attributes:
        spec: The same.
        pending: Batches that are scheduled, and not yet taken.
    """

    def __init__(self, spec: PipelineSpec) -> None:
        self.spec = spec
        self.pending = 0
        self._pid = os.getpid()
        # Depth 1, because more would make the first batch wait for others to be fed; any number can
        # be scheduled all the same.
        self._pipeline = Pipeline(
            batch_size=spec.batch_size,
            num_threads=spec.threads,
            device_id=spec.gpu,
            prefetch_queue_depth=1,
        )
        with self._pipeline:
            self._pipeline.set_outputs(*(_image(image, spec.gpu) for image in spec.images))
        self._pipeline.build()

    def __del__(self) -> None:
        if not self.is_of_this_process:
            _NOT_OURS.append(self._pipeline)

    @property
    def is_of_this_process(self) -> bool:
        """Whether no fork lies between; else its threads are not there."""
        return self._pid == os.getpid()

    def schedule(self, inputs: Mapping[str, list[ImageInput]]) -> None:
        """Begins with a batch; nothing of `inputs` is used after the call."""
        for image in self.spec.images:
            entries = inputs[image.name]
            self._pipeline.feed_input(image.name, [entry.data for entry in entries])
            for name in _arguments(image):
                values = per_sample(entries, name, _ARGUMENTS[name][0])
                self._pipeline.feed_input(f"{image.name}.{name}", values)
        self._pipeline.schedule_run()
        self.pending += 1

    def take(self) -> dict[str, torch.Tensor]:
        """The oldest scheduled batch, images (B, H, W, C), waited for where it is not ready.

        Nothing is copied: the memory is DALI's, which uses it again when the tensors have gone.

        Raises:
            RuntimeError: DALI could not make it; the pipeline can no longer be used.
        """
        self.pending -= 1
        stream = None if self.spec.gpu is None else torch.cuda.current_stream(self.spec.gpu)
        made = self._pipeline.share_outputs(stream)
        self._pipeline.release_outputs()
        return {
            # Halves are rounded here, since DALI has no bfloat16; other types stay what they are.
            image.name: from_dlpack(images.as_tensor()).to(getattr(torch, image.pixels.dtype))
            for image, images in zip(self.spec.images, made, strict=True)
        }


def _arguments(image: ImageSpec) -> list[str]:
    wanted = {
        "part": image.takes_parts,
        "start": image.moves_pixels,
        "end": image.moves_pixels,
        "size": image.moves_pixels,
        "quarters": image.turns,
        "hflip": image.flips,
        "vflip": image.flips,
    }
    return [name for name, is_wanted in wanted.items() if is_wanted]


def _image(image: ImageSpec, gpu: int | None) -> Any:
    """The operators for one field."""
    fed = {
        name: fn.external_source(
            name=f"{image.name}.{name}", dtype=_ARGUMENTS[name][1], ndim=_ARGUMENTS[name][2]
        )
        for name in _arguments(image)
    }
    result = _source(image, fed, gpu)
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
    if image.flips:
        result = fn.flip(result, horizontal=fed["hflip"], vertical=fed["vflip"])
    return _values(image, result)


def _source(image: ImageSpec, fed: dict[str, Any], gpu: int | None) -> Any:
    if not image.is_encoded:
        pixels = fn.external_source(name=image.name, dtype=types.UINT8, ndim=3, layout="HWC")
        return pixels if gpu is None else pixels.gpu()
    files = fn.external_source(name=image.name, dtype=types.UINT8, ndim=1)
    options: dict[str, Any] = {
        "device": "cpu" if gpu is None else "mixed",
        "output_type": types.RGB if image.channels == 3 else types.GRAY,
        # Files with an orientation do not come here.
        "adjust_orientation": False,
    }
    if gpu is not None:
        # As libjpeg does by default, and the other engines with it.
        options["jpeg_fancy_upsampling"] = True
    if not image.takes_parts:
        return fn.decoders.image(files, **options)
    start, shape = fed["part"][0:2], fed["part"][2:4]
    return fn.decoders.image_slice(files, start=start, shape=shape, axes=(0, 1), **options)


def _values(image: ImageSpec, result: Any) -> Any:
    if image.pixels.dtype == "uint8":
        return result
    scale = image.pixels.scale
    return fn.crop_mirror_normalize(
        result,
        dtype=types.FLOAT,
        output_layout="HWC",
        mean=[value / scale for value in image.pixels.mean],
        std=[value / scale for value in image.pixels.std],
    )
