"""The conversion: list, look, encode in workers, write in source order, publish."""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from fastdata.converters.completion import check_scale, complete_schema
from fastdata.converters.detect import find_source
from fastdata.converters.faults import listed
from fastdata.converters.imagecodec import check_codec, with_codec
from fastdata.converters.options import ConvertOptions, options_from
from fastdata.converters.output import check_output, network_notes, size_bytes
from fastdata.converters.paths import display
from fastdata.converters.pool import Outcome, WorkerPool
from fastdata.converters.recipe import Prepared, Recipe
from fastdata.converters.resize import parse_resize
from fastdata.converters.scan import Findings, look, needs_look
from fastdata.converters.source import Evenly, Item, Source
from fastdata.converters.summary import ConversionSummary, Phase, Progress, write_rejects
from fastdata.errors import InputError, LabelError, WorkerDied, WorkerTimeout
from fastdata.hardware import read_machine
from fastdata.packs import PackWriter, create_pack, open_pack

__all__ = ["convert"]

# More workers than this wait for one writer.
_MAX_WORKERS = 32
# Errors that belong to one item; any other ends the run whatever `on_bad` says.
_ITEM_ERRORS = (InputError, WorkerDied, WorkerTimeout)


def convert(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    options: ConvertOptions | None = None,
    progress: Callable[[Progress], None] | None = None,
    **settings: Any,
) -> ConversionSummary:
    """Converts a folder, list, table or series into one pack.

        convert("photos", "photos.lmdb", resize="longest:512", on_bad="skip")

    The pack appears under its name only when it is whole; until then it lies in ``NAME.partial``,
    where an interrupted conversion goes on with ``resume=True``. Whatever the number of workers,
    the pack has the same content. Every input is either in the pack or in the list of rejects.

    Args:
        source: What to convert.
        out: The pack: ``NAME.lmdb`` or ``NAME.h5``.
        options: All settings at once; or give them by name.
        progress: Called after every item, from this thread.
        **settings: Fields of `ConvertOptions`.

    Raises:
        UsageError: An option or a path cannot work.
        InputError: An item is bad (with on_bad="stop"), too many are, or nothing was found.
        StorageError: The pack cannot be written; nothing is read in that case.
        WorkerError: A worker was lost (with on_bad="stop"), or none can be started.
    """
    chosen = options_from(options, settings)
    target = Path(os.path.abspath(os.fsdecode(out)))
    return _Conversion(Path(os.fsdecode(source)), target, chosen, progress).run()


class _Conversion:
    """One conversion, step by step."""

    def __init__(
        self,
        path: Path,
        out: Path,
        options: ConvertOptions,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.path, self.out, self.options, self.progress = path, out, options, progress
        self.started = time.monotonic()
        self.total = self.rejected = self.source_bytes = 0
        self.first_bad = ""
        self.codec_notes: tuple[str, ...] = ()

    def run(self) -> ConversionSummary:
        check_codec(self.options)
        check_output(self.path, self.out, self.options)
        source, reason = find_source(self.path, self.options)
        self.options, self.codec_notes = with_codec(self.options, source)
        items = source.items
        if self.options.limit is not None:
            items = Evenly(items, self.options.limit)
        self.total = len(items)
        digest, faults = survey(items)
        if faults and self.options.on_bad == "stop":
            about = display(self.path)
            summary = (
                f"{len(faults)} of {self.total} items in {about} are bad; mend them, or leave them "
                "out with on_bad='skip' (--on-bad skip)"
            )
            raise LabelError(listed(summary, faults, about))
        with WorkerPool(self._workers(source), item_timeout=self.options.item_timeout) as pool:
            recipe = self._recipe(source, items, pool)
            with self._writer(source, recipe, digest) as writer:
                resumed_from = writer.position
                self._write(writer, recipe, source, items, pool)
        return self._summary(source, reason, recipe, resumed_from)

    def _workers(self, source: Source) -> int:
        if not source.file_fields:
            return 0
        if self.options.workers == "auto":
            return min(read_machine().cores, _MAX_WORKERS)
        return self.options.workers

    def _recipe(self, source: Source, items: Sequence[Item], pool: WorkerPool) -> Recipe:
        found = Findings()
        if needs_look(source, self.options):
            found = look(source, items, self.options, pool, lambda done: self._say("scan", done))
        scale = check_scale(source, found, self.options)
        return Recipe(
            schema=complete_schema(source, found, self.options),
            root=source.root,
            file_fields=source.file_fields,
            value_fields=source.value_fields,
            resize=parse_resize(self.options.resize) if self.options.resize else None,
            scale=scale,
            allow_outside=self.options.allow_outside,
        )

    def _writer(self, source: Source, recipe: Recipe, digest: str) -> PackWriter:
        options = self.options.recorded(source.layout)
        if recipe.scale is not None:
            options["scale"] = recipe.scale
        return create_pack(
            self.out,
            recipe.schema,
            overwrite=self.options.overwrite,
            resume=self.options.resume,
            source=f"{display(self.path)} ({self.total} items, sha256 {digest})",
            options=options,
            progress=self._finish,
        )

    def _write(
        self,
        writer: PackWriter,
        recipe: Recipe,
        source: Source,
        items: Sequence[Item],
        pool: WorkerPool,
    ) -> None:
        for name, series in source.series.items():
            writer.set_series(name, series)
        self.rejected = writer.rejected
        for outcome in pool.run(recipe, items, start=writer.position):
            self._take(writer, outcome)
            self._say("convert", outcome.position + 1)
        if not writer.packed:
            raise InputError(
                f"{display(self.path)}: all {self.total} items are bad, so there is nothing to "
                f"pack; the first one: {self.first_bad}"
            )
        if writer.packed + writer.rejected != self.total:
            raise RuntimeError(
                f"{writer.packed} packed and {writer.rejected} rejected of {self.total} inputs; "
                "this is a fault of fastdata, please report it"
            )

    def _take(self, writer: PackWriter, outcome: Outcome) -> None:
        error = outcome.error
        if error is None:
            prepared: Prepared = outcome.value
            self.source_bytes += prepared.source_bytes
            writer.append(prepared.sample)
            return
        if not isinstance(error, _ITEM_ERRORS):
            raise error
        if self.options.on_bad == "stop":
            raise type(error)(f"{error}; {self._way_on(outcome.position)}")
        self.first_bad = self.first_bad or str(error)
        writer.reject(outcome.item.key, f"{type(error).__name__}: {error}")
        self.rejected += 1
        if self.options.max_bad is not None and self.rejected > self.options.max_bad:
            raise InputError(
                f"{self.rejected} of {outcome.position + 1} items are bad, more than max_bad="
                f"{self.options.max_bad} allows; the last one: {error}"
            )

    def _way_on(self, done: int) -> str:
        skip = "pass over bad items with on_bad='skip' (--on-bad skip)"
        if not done:
            return skip
        return (
            f"{done} of {self.total} items are done and kept: go on with resume=True (--resume) "
            f"when this one is mended, or also {skip}"
        )

    def _finish(self, step: str, done_bytes: int, total_bytes: int) -> None:
        phase: Literal["build", "check"] = "build" if step == "build" else "check"
        self._say(phase, self.total * done_bytes // max(total_bytes, 1))

    def _say(self, phase: Phase, done: int) -> None:
        if self.progress is not None:
            self.progress(
                Progress(
                    phase=phase,
                    done=done,
                    total=self.total,
                    rejected=self.rejected,
                    bytes=self.source_bytes,
                    seconds=time.monotonic() - self.started,
                )
            )

    def _summary(
        self, source: Source, reason: str, recipe: Recipe, resumed_from: int
    ) -> ConversionSummary:
        with open_pack(self.out) as pack:
            info, schema = pack.info, pack.schema
        rejects = info.rejects
        return ConversionSummary(
            out=self.out,
            backend=info.backend,
            layout=source.layout,
            layout_reason=reason,
            schema=schema,
            inputs=self.total,
            count=info.count,
            rejected=len(rejects),
            rejects_path=write_rejects(self.out, rejects),
            rejects_by_error=dict(Counter(reason.partition(": ")[0] for _, reason in rejects)),
            scale=recipe.scale,
            seconds=time.monotonic() - self.started,
            source_bytes=self.source_bytes,
            pack_bytes=size_bytes(self.out),
            resumed_from=resumed_from,
            notes=(
                *source.notes,
                *self.codec_notes,
                *self._limit_notes(source),
                *network_notes(self.out),
            ),
        )

    def _limit_notes(self, source: Source) -> tuple[str, ...]:
        if self.total == len(source.items):
            return ()
        return (f"limited to {self.total} of the {len(source.items)} items of the source",)


def survey(items: Sequence[Item]) -> tuple[str, list[str]]:
    """A digest that tells one list of items from another, and the faults that the listing found."""
    digest = hashlib.sha256()
    faults = []
    for item in items:
        # repr escapes whatever bytes a file name is made of.
        digest.update(repr(tuple(item)).encode("utf-8", "surrogatepass"))
        if item.fault is not None:
            faults.append(item.fault)
    return digest.hexdigest()[:32], faults
