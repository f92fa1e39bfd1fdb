"""Finds out what the columns of a table are: images, masks, classes, numbers or text."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastdata.converters.options import ConvertOptions
from fastdata.converters.paths import display
from fastdata.converters.rows import Row
from fastdata.errors import LabelError, UsageError

__all__ = [
    "Column",
    "Tally",
    "field_names",
    "find_image_column",
    "infer_columns",
    "number_of",
    "tally_columns",
]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png")
_IMAGE_NAMES = re.compile(
    r"(image|img|photo|picture|file|path)(_?(path|file|name|filename|file_name))?|filename|file_name",
    re.IGNORECASE,
)
_MASK_NAMES = re.compile(r"mask|segm|annotation", re.IGNORECASE)
_LABEL_NAMES = re.compile(
    r"(^|_)(label|class|category|target_class|split|fold|species|kind|type)(_?id)?$", re.IGNORECASE
)
_PATH_ENDINGS = re.compile(r"_?(path|file|filename|file_name)$", re.IGNORECASE)
# So many of a column's values must be alike for it to be of that kind; the others are then faults.
_MOST = 0.9
# Text with more different values than this is prose or an id, not a class.
_MAX_CLASSES = 10_000
_FEW_CLASSES = 20
# Class names are short; the longest of ImageNet's first names has 31 characters.
_MAX_NAME_CHARS = 40
_KINDS = ("image", "mask", "label", "scalar", "text", "skip")


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: As in the table.
        kind: "image", "mask", "label", "scalar", "text" or "skip".
        reason: Why it is taken for that, for the user.
    """

    name: str
    kind: str
    reason: str


@dataclass
class Tally:
    """What one column's values look like, counted in one pass.

    Attributes:
        filled: Values that are not empty.
        paths: Texts that end as image files do.
        numbers: Numbers, in text or not.
        fractions: Numbers that are not written as whole ones.
        bools: true and false.
        distinct: Different values, up to one more than classes may have.
        longest: Characters of the longest text.
    """

    filled: int = 0
    paths: int = 0
    numbers: int = 0
    fractions: int = 0
    bools: int = 0
    distinct: set[str] = field(default_factory=set)
    longest: int = 0

    def add(self, value: Any) -> None:
        """Counts one value."""
        if value is None or value == "":
            return
        self.filled += 1
        if isinstance(value, bool):
            self.bools += 1
        elif (number := number_of(value)) is not None:
            self.numbers += 1
            self.fractions += not (math.isfinite(number) and number.is_integer() and _whole(value))
        elif value.lower().endswith(IMAGE_SUFFIXES):
            self.paths += 1
        if len(self.distinct) <= _MAX_CLASSES:
            self.distinct.add(str(value))
        self.longest = max(self.longest, len(str(value)))

    def most(self, count: int) -> bool:
        """Whether `count` is nearly all of the filled values."""
        return self.filled > 0 and count >= _MOST * self.filled


def infer_columns(
    path: Path, names: Sequence[str], rows: Iterable[Row], options: ConvertOptions
) -> list[Column]:
    """Decides the kind of every column from its name and all of its values.

    Args:
        path: The table, for messages.
        names: Its column names.
        rows: All of its rows.
        options: `columns`, `image_column` and `key_column` override what is found.

    Raises:
        UsageError: An option names a column that is not there, or a kind that tables have not.
        LabelError: No column holds image paths.
    """
    _check_options(path, names, options)
    tallies = tally_columns(names, rows)
    image = options.image_column or find_image_column(names, tallies)
    if image is None:
        raise LabelError(
            f"{display(path)}: no column holds image paths, among "
            f"{[display(name) for name in names[:12]]}; name it with image_column (--image-column)"
        )
    found = []
    for name, tally in zip(names, tallies, strict=True):
        if name == image:
            found.append(Column(name, "image", "the image of each row"))
        elif name in options.columns:
            found.append(Column(name, options.columns[name], "as told"))
        else:
            found.append(Column(name, *_infer(name, tally)))
    return found


def find_image_column(names: Sequence[str], tallies: Sequence[Tally]) -> str | None:
    """The column with the paths of the images: by its name, else the first with image endings."""
    candidates = [
        name
        for name, tally in zip(names, tallies, strict=True)
        if tally.most(tally.paths) and not _MASK_NAMES.search(name)
    ]
    for name in candidates:
        if _IMAGE_NAMES.fullmatch(name):
            return name
    if candidates:
        return candidates[0]
    named = [
        name
        for name, tally in zip(names, tallies, strict=True)
        if _IMAGE_NAMES.fullmatch(name) and not tally.most(tally.numbers)
    ]
    return named[0] if named else None


def tally_columns(names: Sequence[str], rows: Iterable[Row]) -> list[Tally]:
    """Counts what the values of each column look like."""
    tallies = [Tally() for _ in names]
    for row in rows:
        for tally, value in zip(tallies, row.values, strict=False):
            tally.add(value)
    return tallies


def field_names(columns: Sequence[Column]) -> dict[str, str]:
    """Column name -> field name, which must be an identifier; the first image is "image".

    Raises:
        LabelError: Two columns lead to one field name.
    """
    names: dict[str, str] = {}
    for column in columns:
        if column.kind == "skip":
            continue
        if column.kind == "image" and "image" not in names.values():
            name = "image"
        else:
            name = re.sub(r"\W", "_", column.name).lstrip("_") or "column"
            if column.kind in ("image", "mask"):
                name = _PATH_ENDINGS.sub("", name) or name
            if not name[0].isalpha():
                name = f"c{name}"
            if keyword.iskeyword(name):
                name += "_"
        if name in names.values():
            other = next(key for key, value in names.items() if value == name)
            raise LabelError(
                f"columns {display(other)!r} and {display(column.name)!r} both become the field "
                f"{name!r}; rename one, or leave it out (--column NAME=skip)"
            )
        names[column.name] = name
    return names


def number_of(value: Any) -> float | None:
    """The number that a cell holds, finite or not, or None; text such as "1_000" is no number."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str) and ("_" in value or not value.strip().isascii()):
        return None
    try:
        return float(value)
    except ValueError:
        return None
    except OverflowError:
        return math.inf


def _whole(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and "." not in value)


def _infer(name: str, tally: Tally) -> tuple[str, str]:
    if not tally.filled:
        return "skip", "it is empty"
    if tally.most(tally.paths):
        if _MASK_NAMES.search(name):
            return "mask", "it holds image paths and its name says mask"
        return "image", "it holds image paths"
    if tally.bools == tally.filled:
        return "label", "it holds true and false"
    labelled = _LABEL_NAMES.search(name) is not None
    if tally.most(tally.numbers):
        if labelled and not tally.fractions:
            return "label", "it holds whole numbers and its name says class"
        return "scalar", "it holds numbers"
    count = len(tally.distinct)
    if count > _MAX_CLASSES:
        return "text", f"it holds text with over {_MAX_CLASSES} different values"
    if not labelled and tally.longest > _MAX_NAME_CHARS:
        return "text", f"it holds text of up to {tally.longest} characters"
    if labelled or count <= _FEW_CLASSES or 2 * count <= tally.filled:
        return "label", f"it holds text with {count} different values"
    return "text", f"it holds text with {count} different values in {tally.filled} rows"


def _check_options(path: Path, names: Sequence[str], options: ConvertOptions) -> None:
    asked = [*options.columns, options.image_column, options.key_column]
    for name in asked:
        if name is not None and name not in names:
            raise UsageError(
                f"{display(path)}: has no column {display(name)!r}; found "
                f"{[display(other) for other in names[:20]]}"
            )
    for name, kind in options.columns.items():
        if kind not in _KINDS:
            raise UsageError(
                f"column {display(name)!r} is told to be {kind!r}; a table's column is one of "
                f"{', '.join(_KINDS)}"
            )
