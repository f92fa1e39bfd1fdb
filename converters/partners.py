"""Two folders whose files belong together: images and masks, or low and high quality."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fastdata.converters.imagefolder import split_folders
from fastdata.converters.listing import list_folder, walk_files
from fastdata.converters.options import ConvertOptions
from fastdata.converters.paths import display
from fastdata.converters.source import Item
from fastdata.converters.stems import match_stems
from fastdata.errors import UsageError

__all__ = ["Partners", "list_partners", "two_folders"]

# Boxes and polygons of YOLO, Pascal VOC, COCO and LabelMe.
_ANNOTATIONS = (".txt", ".xml", ".json")

FolderPairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Partners:
    """The files of the first folder, each with its partner in the second.

    Attributes:
        root: The folder that holds both, or the splits that hold both.
        items: One for each file of the first folder, faulty ones included.
        splits: Names of the split folders; empty when there are none.
        notes: What the user should read.
    """

    root: str
    items: list[Item]
    splits: tuple[str, ...]
    notes: tuple[str, ...]


def two_folders(
    folders: list[str], known: tuple[tuple[str, str], ...], options: ConvertOptions
) -> tuple[str, str] | None:
    """The first pair of known names, in any case, that are both there; or the given pair."""
    if options.folders is not None:
        return options.folders if set(options.folders) <= set(folders) else None
    by_name = {name.lower(): name for name in reversed(folders)}
    for first, second in known:
        if first in by_name and second in by_name:
            return by_name[first], by_name[second]
    return None


def list_partners(
    path: Path, options: ConvertOptions, known: FolderPairs, *, wanted: str, partner: str
) -> Partners:
    """Lists the files of two folders, also below split folders.

    Args:
        path: The folder that holds them.
        options: May name the two folders.
        known: Usual names of the two, in the order they are looked for.
        wanted: Words for the folders that were expected.
        partner: Words for a file of the second folder.

    Raises:
        UsageError: There are no two such folders.
        InputError: A folder cannot be listed.
    """
    root = path.resolve()
    splits = split_folders(list_folder(root).folders)
    items: list[Item] = []
    notes: list[str] = []
    for split in splits or ("",):
        folders = list_folder(root / split).folders
        names = two_folders(folders, known, options)
        if names is None:
            raise UsageError(
                f"{display(root / split)}: expected the folders "
                f"{' and '.join(options.folders or (wanted,))}, found "
                f"{', '.join(display(name) for name in folders[:8]) or 'none'}; name the two "
                "with folders (--folders)"
            )
        prefix = f"{split}/" if split else ""
        values = (splits.index(split),) if split else ()
        found, unused = _matched(root, prefix, names, options, partner)
        items += [item._replace(values=values) for item in found]
        if unused:
            shown = ", ".join(display(name) for name in unused[:5])
            notes.append(f"{len(unused)} {partner}(s) belong to no file in {names[0]}/ ({shown})")
    return Partners(root=str(root), items=items, splits=splits, notes=tuple(notes))


def _matched(
    root: Path, prefix: str, names: tuple[str, str], options: ConvertOptions, partner: str
) -> tuple[list[Item], list[str]]:
    """Items of the files in folder `names[0]`, each with its partner in `names[1]`.

    Returns:
        The items, faulty ones included, and the partners that no file asked for.
    """
    first, second = (prefix + name for name in names)
    files, others = (
        [
            key.removeprefix(f"{below}/")
            for key in walk_files(root, below, allow_outside=options.allow_outside)
        ]
        for below in (first, second)
    )
    if others and all(name.lower().endswith(_ANNOTATIONS) for name in others):
        raise UsageError(
            f"{display(second)}/: holds annotations such as {display(others[0])}; expected a "
            f"{partner} as a PNG or JPEG for each file in {display(first)}/; draw boxes and "
            f"polygons into masks, or convert {display(first)}/ alone"
        )
    found, unused = match_stems(files, others, partner)
    items = []
    for name, (other, fault) in zip(files, found, strict=True):
        key = f"{first}/{name}"
        items.append(Item(key, (key, f"{second}/{other}"), (), fault))
    return items, unused
