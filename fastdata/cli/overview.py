"""What is in a pack, as records that the terminal, JSON and the contact sheet all show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastdata.packs import Pack
from fastdata.schema import Array, DistanceMap, Field, Label, Mask, Scalar, Window

__all__ = ["Balance", "FieldOverview", "Numbers", "PackOverview", "Sizes", "extent", "overview"]


@dataclass(frozen=True)
class Sizes:
    """Sizes (height, width) of a field's pictures; each component on its own.

    Attributes:
        smallest: Smallest height, smallest width.
        median: Median height, median width.
        largest: Largest height, largest width.
    """

    smallest: tuple[int, int]
    median: tuple[int, int]
    largest: tuple[int, int]


@dataclass(frozen=True)
class Numbers:
    """Range of a scalar field; NaN is counted apart.

    Attributes:
        low: Smallest value.
        mean: Mean value.
        high: Largest value.
        missing: Samples whose value is NaN.
    """

    low: float
    mean: float
    high: float
    missing: int


@dataclass(frozen=True)
class Balance:
    """Samples in each class of one label field.

    Attributes:
        field: Its name.
        classes: Class names, in the order of their ids.
        counts: Samples of each class.
    """

    field: str
    classes: tuple[str, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class FieldOverview:
    """One field.

    Attributes:
        name: Its name.
        kind: Its kind, such as "image".
        storage: "column", "rows", "records" or "series".
        details: Type, codec and shape in words.
        stored_bytes: Bytes of its values in the pack.
        sizes: Sizes of its pictures, or None.
        numbers: Range of its values, or None.
    """

    name: str
    kind: str
    storage: str
    details: str
    stored_bytes: int
    sizes: Sizes | None
    numbers: Numbers | None


@dataclass(frozen=True)
class PackOverview:
    """One pack.

    Attributes:
        path: Where it lies.
        backend: "lmdb" or "hdf5".
        format_version: Of the pack format.
        created_by: What wrote it.
        count: Samples.
        data_bytes: Size of its data.
        source: What it was converted from.
        options: How it was converted.
        fields: In schema order.
        balances: One a label field.
        rejects: Source name and reason of each item that was left out.
    """

    path: Path
    backend: str
    format_version: int
    created_by: str
    count: int
    data_bytes: int
    source: str
    options: dict[str, Any]
    fields: tuple[FieldOverview, ...]
    balances: tuple[Balance, ...]
    rejects: tuple[tuple[str, str], ...]


def overview(pack: Pack) -> PackOverview:
    """Summarises a pack from its columns and index; no image is decoded.

    Raises:
        PackCorrupt: The pack does not hold what its manifest says.
    """
    info = pack.info
    return PackOverview(
        path=info.path,
        backend=info.backend,
        format_version=info.format_version,
        created_by=info.created_by,
        count=info.count,
        data_bytes=info.data_bytes,
        source=info.source,
        options=dict(info.options),
        fields=tuple(_field(pack, name, field) for name, field in pack.schema.items()),
        balances=tuple(
            _balance(name, field, pack.column(name))
            for name, field in pack.schema.items()
            if isinstance(field, Label)
        ),
        rejects=info.rejects,
    )


def extent(field: FieldOverview) -> str:
    """Sizes of a field's pictures or the range of its numbers, in words; "" when it has neither."""
    if field.sizes is not None:
        return _sizes_in_words(field.sizes)
    if field.numbers is None:
        return ""
    numbers = field.numbers
    missing = f", {numbers.missing:,} missing" if numbers.missing else ""
    return f"{numbers.low:.4g} to {numbers.high:.4g}, mean {numbers.mean:.4g}{missing}"


def _sizes_in_words(sizes: Sizes) -> str:
    smallest, median, largest = (
        f"{height} x {width}" for height, width in (sizes.smallest, sizes.median, sizes.largest)
    )
    if smallest == largest:
        return f"all {smallest}"
    return f"{smallest} to {largest}, median {median}"


def _field(pack: Pack, name: str, field: Field) -> FieldOverview:
    return FieldOverview(
        name=name,
        kind=field.kind,
        storage=field.storage,
        details=_details(field),
        stored_bytes=pack.stored_bytes(name),
        sizes=_sizes(pack.sizes(name)) if field.spatial and len(pack) else None,
        numbers=_numbers(pack.column(name)) if isinstance(field, Scalar) and len(pack) else None,
    )


def _details(field: Field) -> str:
    values = field.to_json()
    parts = [str(values[key]) for key in ("form", "codec") if key in values]
    if "channels" in values:
        parts.append("RGB" if values["channels"] == 3 else "grayscale")
    if isinstance(field, Mask | DistanceMap | Array | Scalar | Window):
        parts.append(field.dtype)
    parts += _of_its_kind(field)
    if field.item_shape and not field.spatial:
        parts.append(" x ".join(map(str, field.item_shape)))
    return ", ".join(parts)


def _of_its_kind(field: Field) -> list[str]:
    if isinstance(field, DistanceMap):
        cut = "" if field.truncate is None else f", up to {field.truncate:g} px"
        return [f"of {field.of}{cut}"] + [f"{field.classes} maps"] * bool(field.classes)
    if isinstance(field, Label | Mask):
        return [f"{len(field.classes)} classes"] if field.classes else []
    if isinstance(field, Window):
        return ["features " + " ".join(field.features)]
    return []


def _sizes(sizes: np.ndarray[Any, np.dtype[np.int32]]) -> Sizes:
    low, middle, high = (
        (int(pair[0]), int(pair[1])) for pair in (sizes.min(0), np.median(sizes, 0), sizes.max(0))
    )
    return Sizes(smallest=low, median=middle, largest=high)


def _numbers(values: np.ndarray[Any, Any]) -> Numbers:
    numbers = values.astype(np.float64)
    known = numbers[~np.isnan(numbers)]
    missing = len(numbers) - len(known)
    if not len(known):
        return Numbers(low=float("nan"), mean=float("nan"), high=float("nan"), missing=missing)
    return Numbers(
        low=float(known.min()), mean=float(known.mean()), high=float(known.max()), missing=missing
    )


def _balance(name: str, field: Label, ids: np.ndarray[Any, np.dtype[np.int64]]) -> Balance:
    counts = np.bincount(ids, minlength=len(field.classes))
    classes = field.classes or tuple(str(i) for i in range(len(counts)))
    return Balance(field=name, classes=classes, counts=tuple(counts.tolist()))
