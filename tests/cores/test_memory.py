"""What a thread keeps from sample to sample is bounded, whatever it has once decoded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.usefixtures("compiled_core")

PROGRAM = """
import ctypes, io
import numpy as np, psutil
from PIL import Image as PillowImage
from fastdata.codecs import encode_png
from fastdata.cores import FieldBatch, core
from fastdata.schema import Image
from fastdata.transforms import Resize, plan

def saved(side, form):
    pixels = np.zeros((side, side, 3), np.uint8)
    if form == "PNG":
        return encode_png(pixels)
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, "JPEG", progressive=form == "progressive")
    return file.getvalue()

def decode(sides, form):
    sizes = np.array([(side, side) for side in sides], np.int32)
    indices = np.arange(len(sides))
    geometry = plan([Resize((40, 40))]).geometry(sizes, seed=0, epoch=0, indices=indices)
    out = np.empty((len(sides), 40, 40, 3), np.uint8)
    records = [saved(side, form) for side in sides]
    batch = FieldBatch(
        field=Image(), records=records, sizes=sizes, out=out, names=str, geometry=geometry
    )
    assert not core().decode_batch(batch, threads=2)

def private_bytes():
    # malloc itself keeps what has been freed, for as long as it likes.
    ctypes.CDLL(None).malloc_trim(0)
    return psutil.Process().memory_full_info().uss

FORMS = "JPEG", "progressive", "PNG"

def after_small_images():
    for form in FORMS:
        decode([300] * 16, form)
    return private_bytes()

before = after_small_images()
for form in FORMS:
    decode([6000] * 2, form)
# A thread lets go with its next image, which on a busy machine the other one may take for a while.
for _ in range(100):
    kept = after_small_images() - before >> 20
    if kept < 100:
        break
print(kept)
"""


def test_a_huge_image_leaves_no_memory_behind() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        env=os.environ | {"FASTDATA_NATIVE": "require"},
    )
    assert done.returncode == 0, done.stderr
    # One of these images is 103 MiB of pixels; two threads may keep 16 MiB in each of few places.
    assert int(done.stdout) < 100
