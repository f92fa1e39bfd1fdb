"""What can be chosen about a conversion, each default with its reason."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fastdata.converters.resize import parse_resize
from fastdata.errors import UsageError

__all__ = ["LAYOUTS", "ConvertOptions", "options_from"]

LAYOUTS = ("imagefolder", "segmentation", "pairs", "table", "windows")

_CHOICES: dict[str, tuple[object, ...]] = {
    "layout": ("auto", *LAYOUTS),
    "codec": ("auto", "jpeg-fast", "keep", "jpeg", "png", "raw"),
    "channels": (1, 3),
    "on_bad": ("stop", "skip"),
    "distance_dtype": ("uint8", "float16"),
    "missing": ("error", "drop", "fill"),
}
# Name -> (smallest, largest) value of the whole-number options.
_RANGES = {
    "quality": (1, 100),
    "workers": (0, 256),
    "max_bad": (0, None),
    "limit": (1, None),
    "classes": (1, 65_536),
    "ignore_index": (0, 65_535),
    "scale": (1, 64),
    "window": (1, None),
    "stride": (1, None),
    "horizon": (0, None),
}
_SEGMENTED = ("segmentation", "table")
_WITH_COLUMNS = ("table", "windows")
# Option -> the layouts that it means something to; those not listed here mean something to all.
_MEANT_FOR = {
    **dict.fromkeys(("codec", "quality", "channels", "resize"), LAYOUTS[:-1]),
    **dict.fromkeys(("distance_maps", "truncate", "distance_dtype"), _SEGMENTED),
    **dict.fromkeys(("classes", "ignore_index"), _SEGMENTED),
    **dict.fromkeys(("columns", "delimiter"), _WITH_COLUMNS),
    **dict.fromkeys(("image_column", "key_column"), ("table",)),
    **dict.fromkeys(("window", "stride", "horizon", "target", "features"), ("windows",)),
    "missing": ("windows",),
    "folders": ("segmentation", "pairs"),
    "scale": ("pairs",),
}
# Options that do not change what is in the pack, so that a resume may choose them anew.
_HOW = ("workers", "on_bad", "max_bad", "overwrite", "resume", "item_timeout", "layout")
_TABLE_KINDS = ("image", "mask", "label", "scalar", "text", "skip")
_SERIES_KINDS = ("number", "class", "skip")
_COLUMN_KINDS = tuple(dict.fromkeys((*_TABLE_KINDS, *_SERIES_KINDS)))


@dataclass(frozen=True, kw_only=True)
class ConvertOptions:
    """The settings of one conversion; see `fastdata.converters.convert`.

    Attributes:
        layout: How the source is arranged; "auto" looks and says what it found and why.
        codec: How images are stored. "jpeg-fast" rewrites JPEGs without any loss (same pixels, no
            metadata but the orientation) so that a crop is read without the rest, 1.5 % larger
            on average, and stores PNGs as they are; "auto" (default) is "jpeg-fast", or "keep"
            where the compiled core is missing. "keep" stores the source bytes untouched; "jpeg"
            and "png" re-encode other formats only; "raw" stores pixels, the fastest to read and
            the largest. Masks are stored as PNG, or raw with "raw".
        quality: JPEG quality 1..100, used only where pixels must be encoded as JPEG. 95 is the
            usual point above which files grow and no difference is seen.
        channels: 3 (RGB) because most models take it; 1 for grayscale.
        resize: "longest:512", "shortest:256" (both only shrink) or "exact:HEIGHTxWIDTH". None keeps
            every pixel, so that a later choice of size needs no new conversion.
        workers: Processes that read and decode; "auto" is one a usable core. 0 works in this
            process, where a file that crashes or hangs the decoder takes the run with it.
        on_bad: "stop" (default) ends at the first bad item, because silence about bad data is
            worse than a stop; "skip" records it with its reason and goes on.
        max_bad: With "skip", the most rejects before the run ends; None allows any number.
        limit: Convert only so many items, spread evenly over the source so that a trial run
            sees every class. None converts all.
        overwrite: Replace an existing pack (only once the new one is whole).
        resume: Go on with what an interrupted conversion left.
        allow_outside: Follow paths and links that leave the source folder. Off, because a list
            or link from elsewhere should not be able to read any file of this machine.
        item_timeout: Seconds after which a silent worker is killed. One item takes milliseconds;
            60 leaves room for sleeping disks and slow network folders.
        distance_maps: "boundary" and/or "signed" maps to compute from the masks.
        truncate: Distances are clipped to this many pixels, or None.
        distance_dtype: "float16" keeps small distances exact; "uint8" halves the size.
        classes: Number or names of mask classes; None finds the number from the masks.
        ignore_index: Mask id that belongs to no class; "auto" takes 255 when it occurs and the
            other ids end before 254; None says that there is none.
        folders: The two folder names of the segmentation or pairs layout, if unusual.
        scale: Factor between the sizes of a pair; None takes the commonest one of the source.
        image_column: Table column with the image paths; None finds it.
        key_column: Table column whose values name the samples; None is the image column.
        columns: Column name -> kind, where the inferred kind is wrong. Table: image, mask, label,
            scalar, text, skip. Windows: number, class, skip.
        delimiter: Of a CSV file; None finds it from the header line.
        window: Rows in a window; the windows layout requires it.
        stride: Rows from the start of one window to that of the next.
        horizon: Rows from a window's last row to the row of its target; 1 is the next row.
        target: Series column to predict; adds the field "target".
        features: Series columns that form a window, in this order; None takes all.
        missing: What a missing value in the series does: "error" (default, because a gap is
            easily overlooked), "drop" the row and let no window cross it, or "fill" with the
            last value before it.
    """

    layout: str = "auto"
    codec: Literal["auto", "jpeg-fast", "keep", "jpeg", "png", "raw"] = "auto"
    quality: int = 95
    channels: Literal[1, 3] = 3
    resize: str | None = None
    workers: int | Literal["auto"] = "auto"
    on_bad: Literal["stop", "skip"] = "stop"
    max_bad: int | None = None
    limit: int | None = None
    overwrite: bool = False
    resume: bool = False
    allow_outside: bool = False
    item_timeout: float = 60.0
    distance_maps: tuple[str, ...] = ()
    truncate: float | None = None
    distance_dtype: Literal["uint8", "float16"] = "float16"
    classes: int | tuple[str, ...] | None = None
    ignore_index: int | Literal["auto"] | None = "auto"
    folders: tuple[str, str] | None = None
    scale: int | None = None
    image_column: str | None = None
    key_column: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    delimiter: str | None = None
    window: int | None = None
    stride: int = 1
    horizon: int = 1
    target: str | None = None
    features: tuple[str, ...] | None = None
    missing: Literal["error", "drop", "fill"] = "error"

    def __post_init__(self) -> None:
        for name in ("distance_maps", "folders", "features", "classes"):
            value = getattr(self, name)
            if isinstance(value, list):
                object.__setattr__(self, name, tuple(value))
        object.__setattr__(self, "columns", dict(self.columns or {}))
        for name, choices in _CHOICES.items():
            _check_choice(name, getattr(self, name), choices)
        for name, (low, high) in _RANGES.items():
            _check_range(name, getattr(self, name), low, high)
        self._check_rest()

    def _check_rest(self) -> None:
        _check_positive("item_timeout", self.item_timeout)
        if self.truncate is not None:
            _check_positive("truncate", self.truncate)
        if self.resize is not None:
            parse_resize(self.resize)
        for form in self.distance_maps:
            _check_choice("distance_maps", form, ("boundary", "signed"))
        if self.folders is not None and len(self.folders) != 2:
            raise UsageError(f"folders is {self.folders!r}; expected two folder names")
        for name, kind in self.columns.items():
            _check_choice(f"the kind of column {name!r}", kind, _COLUMN_KINDS)
        if self.truncate is not None and not self.distance_maps:
            raise UsageError(
                "truncate clips distance maps, and none are asked for; leave it out, or add "
                "distance_maps (--distance-maps boundary)"
            )
        if self.max_bad is not None and self.on_bad == "stop":
            raise UsageError("max_bad has no meaning without on_bad='skip' (--on-bad skip)")
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise UsageError(f"delimiter is {self.delimiter!r}; expected one character")

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Mask class names in the order of their ids, or None when they are to be found."""
        if isinstance(self.classes, int):
            return tuple(str(index) for index in range(self.classes))
        return self.classes

    def check_layout(self, layout: str) -> None:
        """Refuses what was chosen and would do nothing.

        Raises:
            UsageError: An option has a value of its own and no meaning for `layout`.
        """
        for entry in dataclasses.fields(self):
            name, value = entry.name, getattr(self, entry.name)
            chosen = value != (entry.default if name != "columns" else {})
            if chosen and layout not in _MEANT_FOR.get(name, LAYOUTS):
                option = {"columns": "column"}.get(name, name).replace("_", "-")
                raise UsageError(
                    f"{name} (--{option}) has no meaning for the {layout} layout, only for "
                    f"{' and '.join(_MEANT_FOR[name])}; leave it out, or choose the layout "
                    "(--layout)"
                )

    def recorded(self, layout: str) -> dict[str, Any]:
        """The options that decide what is in a pack of this layout, for its manifest."""
        left_out = _HOW if self.distance_maps else (*_HOW, "distance_dtype", "distance_maps")
        return {"layout": layout} | {
            name: value
            for name, value in dataclasses.asdict(self).items()
            if name not in left_out and layout in _MEANT_FOR.get(name, LAYOUTS)
        }


def options_from(options: ConvertOptions | None, settings: Mapping[str, Any]) -> ConvertOptions:
    """The options given whole or as settings by name.

    Raises:
        UsageError: A setting is unknown, or both were given.
    """
    if options is not None:
        if settings:
            raise UsageError("give either options= or single settings, not both")
        return options
    known = {entry.name for entry in dataclasses.fields(ConvertOptions)}
    for name in settings:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {sorted(known)}"
            raise UsageError(f"convert has no option {name!r}{hint}")
    return ConvertOptions(**settings)


def _check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices or isinstance(value, bool):
        listed = ", ".join(str(choice) for choice in choices)
        raise UsageError(f"{name} is {value!r}; expected one of {listed}")


def _check_range(name: str, value: object, low: int, high: int | None) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        if value is None or isinstance(value, tuple) or value == "auto":
            return
        raise UsageError(f"{name} is {value!r}; expected a whole number")
    if value < low or (high is not None and value > high):
        limits = f"{low} or more" if high is None else f"{low} to {high}"
        raise UsageError(f"{name} is {value}; expected {limits}")


def _check_positive(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e9:
        raise UsageError(f"{name} is {value!r}; expected a number above 0")
