"""The compiled core and the twin agree on real photos, every one of them.

Bounds, in levels of 0..255, and why: a crop is a copy, so nothing may differ. A resize computes in
fixed point with coefficients of its own, so a value may fall on the other side of a rounding. Where
an image becomes less than a quarter of its size a side, the decoder's inverse DCT does part of the
shrinking, by another filter than the resize's. Seen at worst, as mean over an image: 0, 0.25, 1.6.
"""

import numpy as np
import pytest
from realdata import real_data

from fastdata.codecs import probe
from fastdata.cores import FieldBatch, twin
from fastdata.schema import Image
from fastdata.transforms import CenterCrop, HorizontalFlip, RandomCrop, RandomResizedCrop, Resize
from fastdata.transforms import plan as planned


@pytest.fixture(scope="module")
def photos():
    records = [path.read_bytes() for path in sorted(real_data("photos").glob("*/*"))]
    return records, np.array([(header.height, header.width) for header in map(probe, records)])


def made(core, photos, transforms, size, which):
    records, sizes = photos
    geometry = planned(transforms).geometry(sizes[which], seed=0, epoch=0, indices=which)
    out = np.empty((len(which), *size, 3), np.uint8)
    batch = FieldBatch(
        field=Image(), records=[records[at] for at in which], sizes=sizes[which], out=out,
        names=str, geometry=geometry,
    )  # fmt: skip
    assert not core.decode_batch(batch, threads=2)
    return out, geometry


@pytest.fixture
def differences(compiled_core, photos):
    """Compares over all photos; gives each one's differences, (n, values), and its shrinking."""

    def compare(transforms, size, at_least=1):
        which = np.flatnonzero(photos[1].min(axis=1) >= at_least)
        found, geometry = made(compiled_core, photos, transforms, size, which)
        expected, _ = made(twin, photos, transforms, size, which)
        difference = np.abs(found.astype(np.int16) - expected).reshape(len(which), -1)
        return difference, (geometry.boxes[:, 2:] / geometry.out_sizes).min(axis=1)

    return compare


def test_crops_are_the_same_bits(differences):
    difference, _ = differences([RandomCrop(200), HorizontalFlip()], (200, 200), at_least=200)
    assert not difference.any()


@pytest.mark.parametrize(
    ("transforms", "side"),
    [([RandomResizedCrop(224), HorizontalFlip()], 224), ([Resize(256), CenterCrop(224)], 224)],
    ids=["training", "validation"],
)
def test_resizes_differ_by_roundings(differences, transforms, side):
    difference, shrinking = differences(transforms, (side, side))
    whole = difference[shrinking < 4]
    assert len(whole) > 450
    assert whole.max() <= 2
    assert whole.mean(axis=1).max() < 1


@pytest.mark.parametrize("size", [(64, 64), (30, 40)])
def test_images_made_much_smaller_look_the_same(differences, size):
    difference, shrinking = differences([Resize(size)], size)
    assert (shrinking >= 4).sum() > 300
    assert difference.mean(axis=1).max() < 2
