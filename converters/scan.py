"""A first look at all files, when the schema needs it: common sizes, mask classes, pair factors.

It runs in the workers like the conversion itself, so a file that crashes the decoder costs only
itself here too; what cannot be read here is left for the conversion to reject with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from fastdata.codecs import decode_mask, probe
from fastdata.converters.options import ConvertOptions
from fastdata.converters.paths import display, read_under
from fastdata.converters.pool import WorkerPool
from fastdata.converters.resize import ResizeTo, parse_resize
from fastdata.converters.source import Item, Source
from fastdata.schema import Mask

__all__ = ["Findings", "look", "needs_look"]


class Sight(NamedTuple):
    """What one item's files are: upright sizes, and the ids in each mask (None for images)."""

    sizes: tuple[tuple[int, int], ...]
    ids: tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True, kw_only=True)
class Look:
    """The job: headers of images, ids of masks."""

    root: str
    is_mask: tuple[bool, ...]
    with_ids: bool
    allow_outside: bool

    def __call__(self, item: Item) -> Sight | None:
        """Looks at one item; None when the listing found a fault already."""
        if item.fault is not None:
            return None
        sizes: list[tuple[int, int]] = []
        ids: list[tuple[int, ...] | None] = []
        for path, is_mask in zip(item.files, self.is_mask, strict=True):
            data = read_under(self.root, path, allow_outside=self.allow_outside)
            if is_mask and self.with_ids:
                mask = decode_mask(data)
                sizes.append((mask.shape[0], mask.shape[1]))
                ids.append(tuple(int(value) for value in np.unique(mask)))
            else:
                header = probe(data)
                sizes.append((header.height, header.width))
                ids.append(None)
        return Sight(tuple(sizes), tuple(ids))


@dataclass
class Findings:
    """What all items have in common.

    Attributes:
        shapes: For each file field, (height, width) after resizing if all items share it.
        ids: For each mask field, all ids that occur.
        scale: The commonest factor between the sizes of a pair; None where there is none.
        unscaled: A pair without a factor, with its sizes in words; "" where there is none.
    """

    shapes: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    ids: dict[str, set[int]] = field(default_factory=dict)
    scale: int | None = None
    unscaled: str = ""


def needs_look(source: Source, options: ConvertOptions) -> bool:
    """Whether the schema depends on what is in the files."""
    if source.scale == 0 or (_masks(source) and options.classes is None):
        return True
    exact = options.resize is not None and options.resize.startswith("exact")
    raw = options.codec == "raw" or bool(options.distance_maps)
    return bool(source.file_fields) and raw and not exact


def look(
    source: Source,
    items: Sequence[Item],
    options: ConvertOptions,
    pool: WorkerPool,
    progress: Callable[[int], None],
) -> Findings:
    """Looks at all items.

    Args:
        source: What the layout found.
        items: Those of its items that will be converted.
        options: The conversion's options.
        pool: Where to work.
        progress: Called with the number of items seen.

    Raises:
        WorkerError: Workers cannot be started.
    """
    names = source.file_fields
    job = Look(
        root=source.root,
        is_mask=tuple(isinstance(source.fields[name], Mask) for name in names),
        with_ids=options.classes is None,
        allow_outside=options.allow_outside,
    )
    resize = parse_resize(options.resize) if options.resize else None
    seen: dict[str, set[tuple[int, int]]] = {name: set() for name in names}
    found = Findings(ids={name: set() for name in _masks(source)})
    factors: Counter[int] = Counter()
    for outcome in pool.run(job, items):
        sight: Sight | None = outcome.value
        if sight is not None:
            for name, size, ids in zip(names, sight.sizes, sight.ids, strict=True):
                seen[name].add(_resized(size, resize))
                found.ids.get(name, set()).update(ids or ())
            if source.scale is not None:
                if factor := _factor(*sight.sizes):
                    factors[factor] += 1
                elif not found.unscaled:
                    found.unscaled = _in_words(outcome.item, sight)
        progress(outcome.position + 1)
    found.shapes = {name: next(iter(s)) if len(s) == 1 else None for name, s in seen.items()}
    found.scale = factors.most_common(1)[0][0] if factors else None
    return found


def _masks(source: Source) -> list[str]:
    return [name for name, entry in source.fields.items() if isinstance(entry, Mask)]


def _resized(size: tuple[int, int], resize: ResizeTo | None) -> tuple[int, int]:
    return resize.size(*size) if resize else size


def _in_words(item: Item, sight: Sight) -> str:
    sizes = zip(item.files, sight.sizes, strict=True)
    return ", ".join(f"{display(path)} is {height} x {width}" for path, (height, width) in sizes)


def _factor(low: tuple[int, int], high: tuple[int, int]) -> int | None:
    factor = high[0] // low[0]
    return factor if factor and high == (low[0] * factor, low[1] * factor) else None
