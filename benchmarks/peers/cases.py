"""What is measured against what: the cases, in the groups in which they are compared."""

from __future__ import annotations

from dataclasses import dataclass

OWN = ""
"""The environment that runs run.py: the one with fastdata in it."""


@dataclass(frozen=True)
class Case:
    """One contender.

    Attributes:
        name: Its name in the JSON lines and for `--only`.
        label: What the table calls it.
        script: A file of this folder.
        reads: What it reads, below the data folder; made by data.py.
        arguments: Of the script.
        environment: Where it runs: one of install.py's, or `OWN`.
        asked: The least ratio of its group's first FastLoader to it; None where none is asked.
    """

    name: str
    label: str
    script: str
    reads: str
    arguments: tuple[str, ...] = ()
    environment: str = "main"
    asked: float | None = None


@dataclass(frozen=True)
class Group:
    """Contenders that do the same work.

    Attributes:
        title: What that is.
        cases: The first that runs and is fastdata's own is what the others are compared with.
    """

    title: str
    cases: tuple[Case, ...]


def fastloader(name: str, label: str, pack: str, crop: str, *more: str) -> Case:
    """A case of fastdata's own."""
    arguments = ("--pack", pack, "--crop", crop, *more)
    return Case(name, label, "fastloader.py", pack, arguments, OWN)


FILES, LMDB = "photos/files", "photos/plain.lmdb"

RANDOM = Group(
    "RandomResizedCrop(224) and horizontal flip",
    (
        fastloader("fast-lmdb", "FastLoader, jpeg-fast, LMDB", "photos/fast.lmdb", "random"),
        fastloader("keep-lmdb", "FastLoader, JPEG as it was, LMDB", "photos/keep.lmdb", "random"),
        fastloader("fast-hdf5", "FastLoader, jpeg-fast, HDF5", "photos/fast.h5", "random"),
        fastloader("keep-hdf5", "FastLoader, JPEG as it was, HDF5", "photos/keep.h5", "random"),
        fastloader(
            "twin",
            "FastLoader without its compiled core, JPEG as it was, LMDB",
            "photos/keep.lmdb",
            "random",
            "--native",
            "off",
        ),
        Case("torch-files", "torch DataLoader + Pillow, files", "torch_pillow.py", FILES),
        Case(
            "torch-lmdb",
            "torch DataLoader + Pillow, LMDB",
            "torch_pillow.py",
            LMDB,
            ("--source", "lmdb"),
            asked=3.0,
        ),
        Case(
            "pillow-simd-lmdb",
            "torch DataLoader + Pillow-SIMD, LMDB",
            "torch_pillow.py",
            LMDB,
            ("--source", "lmdb", "--pillow", "pillow-simd"),
            "pillow-simd",
        ),
        Case("opencv", "torch DataLoader + OpenCV, LMDB", "torch_opencv.py", LMDB),
        Case(
            "torchvision",
            "torch DataLoader + torchvision `decode_jpeg`, v2 on tensors",
            "torch_torchvision.py",
            LMDB,
            environment="torchvision",
            asked=2.2,
        ),
        Case(
            "dali",
            "DALI on the CPU, `image_random_crop`",
            "dali_cpu.py",
            FILES,
            environment="dali",
            asked=2.5,
        ),
        Case(
            "ffcv-jpg",
            "FFCV, JPEG q95",
            "ffcv_loader.py",
            "photos/jpg.beton",
            environment="ffcv",
            asked=2.5,
        ),
        Case("webdataset", "WebDataset + Pillow", "webdataset_pillow.py", "photos/shards"),
        Case(
            "streaming",
            "MosaicML Streaming + Pillow",
            "streaming_pillow.py",
            "photos/mds",
            environment="streaming",
        ),
        Case("spdl", "SPDL threads + spdl.io", "spdl_threads.py", FILES),
        Case(
            "spdl-pillow",
            "SPDL threads + Pillow",
            "spdl_threads.py",
            FILES,
            ("--decoder", "pillow"),
        ),
        Case("ceiling", "ceiling: decode whole, nothing else", "ceiling.py", FILES, asked=1.5),
        Case(
            "ceiling-inexact",
            "the same with libjpeg-turbo's inexact settings",
            "ceiling.py",
            FILES,
            ("--inexact",),
        ),
    ),
)

RAW = Group(
    "the same from raw pixels, longest side 400",
    (
        fastloader("raw400", "FastLoader, raw, LMDB", "photos/raw400.lmdb", "random"),
        Case(
            "ffcv-raw",
            "FFCV, raw",
            "ffcv_loader.py",
            "photos/raw.beton",
            ("--mode", "raw"),
            "ffcv",
            asked=3.0,
        ),
    ),
)

CENTRE = Group(
    "Resize(256) and CenterCrop(224)",
    (
        fastloader("centre-fast", "FastLoader, jpeg-fast, LMDB", "photos/fast.lmdb", "centre"),
        fastloader("centre-keep", "FastLoader, JPEG as it was, LMDB", "photos/keep.lmdb", "centre"),
        Case(
            "centre-torch",
            "torch DataLoader + Pillow, LMDB",
            "torch_pillow.py",
            LMDB,
            ("--source", "lmdb", "--crop", "centre"),
            asked=2.5,
        ),
        Case(
            "centre-torchvision",
            "torch DataLoader + torchvision `decode_jpeg`, v2 on tensors",
            "torch_torchvision.py",
            LMDB,
            ("--crop", "centre"),
            "torchvision",
        ),
    ),
)

PATCHES = Group(
    "192x192 patches of 2048x1080 mosaics",
    (
        fastloader("patch-fast", "FastLoader, jpeg-fast, LMDB", "mosaics/fast.lmdb", "patch"),
        fastloader("patch-keep", "FastLoader, JPEG as it was, LMDB", "mosaics/keep.lmdb", "patch"),
        Case(
            "patch-torch",
            "torch DataLoader + Pillow, files",
            "torch_pillow.py",
            "mosaics/files",
            ("--crop", "patch"),
            asked=10.0,
        ),
        Case(
            "patch-dali",
            "DALI on the CPU, `image_crop`",
            "dali_cpu.py",
            "mosaics/files",
            ("--crop", "patch"),
            "dali",
        ),
        Case(
            "patch-ceiling",
            "ceiling: decode whole, nothing else",
            "ceiling.py",
            "mosaics/files",
            ("--kind", "mosaics"),
            asked=10.0,
        ),
    ),
)

GROUPS = (RANDOM, RAW, CENTRE, PATCHES)
CASES = tuple(case for group in GROUPS for case in group.cases)
