"""A core tells what it spent on decoding each sample, and on what follows."""

import time

import numpy as np
import pytest
from pictures import picture, saved
from PIL import Image as PillowImage

from fastdata.codecs import encode_mask_png
from fastdata.cores import FieldBatch
from fastdata.schema import DistanceMap, Image, Mask
from fastdata.transforms import CenterCrop, Resize, ToFloat, plan

DECODE, RESIZE = range(2)
SMALL = plan([Resize((16, 24))])


@pytest.fixture
def spent(core):
    """Decodes a batch; gives the seconds of its samples and those of the whole call."""

    def run(field, records, size, *, out, threads=1, transforms=SMALL):
        sizes = np.array([size] * len(records))
        indices = np.arange(len(records))
        geometry = transforms.geometry(sizes, seed=0, epoch=0, indices=indices)
        seconds = np.full((len(records), 2), 9.0)
        start = time.perf_counter()
        batch = FieldBatch(
            field=field, records=records, sizes=sizes, out=out, names=str, geometry=geometry,
            pixels=transforms.pixels,
        )  # fmt: skip
        core.decode_batch(batch, threads=threads, stage_seconds=seconds)
        return seconds, time.perf_counter() - start

    return run


def batch(count, *shape, dtype=np.uint8):
    return np.empty((count, 16, 24, *shape), dtype)


@pytest.mark.parametrize("encoding", ["JPEG", "PNG"])
@pytest.mark.parametrize("threads", [1, 3])
def test_both_stages_of_every_image_take_time_and_no_more_than_the_call(spent, encoding, threads):
    records = [saved(picture(300, 400, seed=seed), encoding) for seed in range(6)]
    seconds, whole = spent(Image(), records, (300, 400), out=batch(6, 3), threads=threads)
    assert (seconds > 0).all()
    assert seconds.sum() <= threads * whole
    # All that a call does for so large pictures happens in the two stages.
    if threads == 1:
        assert seconds.sum() > 0.5 * whole


def test_a_larger_picture_takes_longer_to_decode_and_a_larger_result_to_resize(spent):
    large = saved(picture(1200, 1600), "PNG")
    small = saved(picture(60, 80), "PNG")
    in_large = spent(Image(), [large], (1200, 1600), out=batch(1, 3))[0]
    tries = [spent(Image(), [small], (60, 80), out=batch(1, 3))[0] for _ in range(3)]
    in_small = np.min(tries, axis=0)
    assert in_large[0, DECODE] > 5 * in_small[0, DECODE]
    huge = plan([Resize((1600, 1200)), ToFloat()])
    out = np.empty((1, 1600, 1200, 3), np.float32)
    assert spent(Image(), [small], (60, 80), out=out, transforms=huge)[0][0, RESIZE] > (
        5 * in_small[0, RESIZE]
    )


def test_masks_are_decoded_and_resized_and_maps_only_resized(spent):
    mask = encode_mask_png(np.zeros((300, 400), np.uint8))
    seconds, _ = spent(Mask(), [mask], (300, 400), out=batch(1))
    assert (seconds > 0).all()
    for field, record, shape, dtype in (
        (Image(codec="raw"), bytes(300 * 400 * 3), (3,), np.uint8),
        (Mask(codec="raw"), bytes(300 * 400), (), np.uint8),
        (DistanceMap(), bytes(300 * 400 * DistanceMap().item_dtype.itemsize), (), np.float32),
    ):
        seconds, _ = spent(field, [record], (300, 400), out=batch(1, *shape, dtype=dtype))
        assert 0 <= seconds[0, DECODE] < seconds[0, RESIZE]


def test_failed_samples_have_what_they_took_until_then(spent):
    good = saved(picture(300, 400), "JPEG")
    cmyk = saved(PillowImage.fromarray(picture(300, 400)).convert("CMYK"), "JPEG")
    records = [good, good[: len(good) // 2], b"", cmyk]
    seconds, _ = spent(Image(), records, (300, 400), out=batch(4, 3))
    assert (seconds[[0, 3]] > 0).all() and (seconds < 9).all()
    assert seconds[1, DECODE] > 0 and seconds[1, RESIZE] == 0
    assert seconds[2, RESIZE] == 0


def test_a_sample_that_has_no_geometry_takes_no_time(spent):
    records = [saved(picture(60, 80), "JPEG")]
    crop = plan([CenterCrop(100)])
    out = np.empty((1, 100, 100, 3), np.uint8)
    assert not spent(Image(), records, (60, 80), out=out, transforms=crop)[0].any()
