"""Prints what the compiled decoder and the twin make of damaged files, one JSON list a file.

Run as a program, so that a crash is seen as one: ``python decodingverdicts.py folder FOLDER`` or
``python decodingverdicts.py mutations SEED COUNT``.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from decodingcore import cut
from pictures import picture, saved
from PIL import Image

from fastdata.codecs import decode_image
from fastdata.codecs.orientation import upright
from fastdata.errors import InputError
from fastdata.native.extension import compiled

Verdict = tuple[str, Any]


def native(decoder: Any, data: bytes, rng: random.Random) -> Verdict:
    """ "ok" with pixels, or the way it failed with the message; parts must equal the whole."""
    try:
        height, width, orientation = decoder.open(data)
        pixels, _, _ = decoder.pixels(data, 3, (0, 0, height, width))
        top, left = rng.randrange(height), rng.randrange(width)
        box = (top, left, rng.randint(1, height - top), rng.randint(1, width - left))
        part, _, _ = decoder.pixels(data, 3, box)
    except InputError as error:
        return "bad", str(error)
    except RuntimeError as error:
        return "left to the twin", str(error)
    if not np.array_equal(part, cut(pixels, box)):
        return "a part differs from the whole", str(box)
    return "ok", np.asarray(upright(Image.fromarray(pixels), orientation))


def twin(data: bytes) -> Verdict:
    try:
        return "ok", decode_image(data, 3)
    except InputError as error:
        return "bad", str(error)


def mutations(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    rng = random.Random(seed)
    photo = picture(50, 70)
    sound = [saved(photo, "PNG"), saved(photo[:, :, :1], "JPEG")]
    for options in ({}, {"restart_marker_rows": 1}, {"restart_marker_blocks": 2}):
        sound += [saved(photo, "JPEG", subsampling=s, **options) for s in ("4:2:0", "4:4:4")]
    sound.append(saved(photo, "JPEG", progressive=True))
    for i in range(count):
        data = bytearray(rng.choice(sound))
        for _ in range(rng.choice((1, 1, 2, 5))):
            at = rng.randrange(len(data))
            length = rng.choice((0, 1, 1, 1, 4))
            data[at : at + length] = rng.randbytes(rng.choice((0, 1, 1, 1, 3)))
        yield f"mutation {i} of seed {seed}", bytes(data)


def main(kind: str, *arguments: str) -> None:
    if kind == "folder":
        files = ((path.name, path.read_bytes()) for path in sorted(Path(arguments[0]).iterdir()))
    else:
        files = mutations(*map(int, arguments))
    core = compiled()
    assert core is not None
    decoder, rng = core.ImageDecoder(), random.Random(0)
    for name, data in files:
        (found, got), (expected, pixels) = native(decoder, data, rng), twin(data)
        same = found == expected == "ok" and np.array_equal(got, pixels)
        texts = [value if isinstance(value, str) else "" for value in (got, pixels)]
        print(json.dumps([name, found, texts[0], expected, texts[1], same]))


if __name__ == "__main__":
    main(*sys.argv[1:])
