"""FastLoader: a DataLoader that makes its batches by the fastest engine that can."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, Sampler

from fastdata.engines.work import MadeAhead, Skip
from fastdata.errors import UsageError
from fastdata.hardware import read_machine, read_ranks
from fastdata.loader.arguments import Request
from fastdata.loader.choice import choose_engine
from fastdata.loader.epoch import EpochIterator, SampledWork, SkipLog
from fastdata.loader.order import cut, epoch_order, fingerprint, shard_length
from fastdata.loader.progress import Progress
from fastdata.loader.resolve import resolve
from fastdata.loader.running import Engine
from fastdata.loader.settings import Explanation
from fastdata.loader.state import LoaderState, Position
from fastdata.loader.upcoming import Begun, Upcoming, weakly

__all__ = ["FastLoader"]


class FastLoader(DataLoader[Any]):
    """A `torch.utils.data.DataLoader` with faster ways to make a batch.

    ::

        a pack, or parts of one       -> "cpu":   decoded whole batch by whole batch on threads
        raw fields, windows, arrays   -> "cpu":   gathered whole batch by whole batch
        any other dataset or function -> "torch": worker processes, as in a DataLoader

    Batches of a pack are named tuples "Batch" of tensors in schema order: images (B, C, H, W) uint8
    in channels_last strides (float32 after ToFloat or Normalize, or the half that their `dtype`
    names), masks (B, H, W) of their stored type, distance maps float32 (B, H, W) or (B, classes, H,
    W) in pixels, labels int64 (B,), windows (B, length, features), text a list.
    All other datasets give what a DataLoader gives.

    Samples are ordered by (seed, epoch), and shared among ranks: those of torch.distributed, or of
    RANK and WORLD_SIZE. Every rank gets as many batches, and no sample comes twice unless there
    are fewer than ranks, or ``batch_size=1`` leaves a rest. A sampler of your own is used as it is,
    and never shared out again.

    Where a tool builds a plain DataLoader of its own from this one (``accelerator.prepare`` does),
    that one keeps transforms and fields, but neither engine, `seed` nor `on_bad`. Leave the loader
    out of it: ranks are shared here, and `device` moves batches.

    Every `iter` begins the next epoch with a new order; `set_epoch` holds one epoch until it is set
    again, as DistributedSampler does.

    Args:
        dataset: Path of a pack, a pack, or any dataset; also a NumPy array, or a dict of arrays of
            one length, whose batches are dicts.
        batch_size: As in DataLoader, as are all arguments that are not named below.
        shuffle: See `batch_size`.
        sampler: See `batch_size`.
        batch_sampler: See `batch_size`.
        num_workers: Threads for a pack, worker processes for other datasets; "auto" chooses by
            cores, ranks and memory. Batches do not depend on it. Pure gathers need none.
        collate_fn: Gets a list of samples. For a pack they are named tuples of NumPy values with
            transforms applied, images (H, W, C).
        pin_memory: "auto" pins when there is a GPU.
        drop_last: Leaves out the last batch of all ranks when it is not full.
        timeout: See `batch_size`.
        worker_init_fn: Runs in worker processes; a pack then uses them too.
        multiprocessing_context: Likewise.
        generator: Gives the seed when `seed` is None.
        prefetch_factor: Batches made ahead; for worker processes, by each of them. Threads go on
            with the next epoch's when this one's are made, until the loader is dropped.
        persistent_workers: "auto" keeps workers for the next epoch where that changes nothing but
            the time, and ends them when an epoch is broken off.
        pin_memory_device: See `batch_size`.
        in_order: See `batch_size`.
        transforms: `fastdata.transforms` for the spatial fields of a pack, one geometry a sample.
            The numbers drawn depend on the seed, the epoch and the sample's index in `dataset`.
            When fields have different resolution, sizes are in pixels of the smallest.
        fields: Names of a pack's fields, in the order wanted; None takes all.
        seed: Of order and transforms. None draws one from `generator`, else from torch's default
            generator when it is first needed, so that `torch.manual_seed` governs; with several
            ranks and no generator it is 0, because all must agree.
        engine: "auto", "cpu", "torch", or "dali", which decodes images by NVIDIA DALI: on the GPU
            where `device` is one, else on the CPU. "auto" takes it for JPEGs where a GPU makes more
            of them than the cores beside it; `explain` has the figures.
        device: Batches are there when they are handed out, "cuda" being the GPU that is current at
            the first `iter`; None leaves them in main memory. A GPU gets a pack's images as bytes,
            and makes the floats that the transforms ask for. Copies run ahead, beside the work
            before, and are waited for by the CUDA stream that is current when a batch is handed
            out. With DALI, images are made there.
        on_bad: "raise", or "skip" to leave out samples that cannot be made; they are logged, and
            listed in `skipped`.

    Raises:
        UsageError: An argument of fastdata's own is wrong. Those of DataLoader raise what it does.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[Any] | Iterable[Any] | None = None,
        batch_sampler: Sampler[list[Any]] | Iterable[list[Any]] | None = None,
        num_workers: int | str = "auto",
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool | str = "auto",
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: torch.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool | str = "auto",
        pin_memory_device: str = "",
        in_order: bool = True,
        transforms: Any = None,
        fields: Sequence[str] | None = None,
        seed: int | None = None,
        engine: str = "auto",
        device: Any = None,
        on_bad: str = "raise",
    ) -> None:
        # All arguments by their names, which are those of a Request.
        request = Request.of(locals())
        self._request, self._choice = request, choose_engine(request)
        settings, reasons = resolve(self._choice, request, read_machine(), read_ranks())
        self._explanation = Explanation(self._choice.engine, self._choice.reason, reasons)
        super().__init__(
            request.dataset,
            batch_size,
            shuffle,
            sampler,
            batch_sampler,
            collate_fn=self._choice.shown_collate,
            drop_last=drop_last,
            worker_init_fn=worker_init_fn,
            generator=generator,
            pin_memory_device=pin_memory_device,
            in_order=in_order,
            **settings,
        )
        # Under their own names, for tools that build a loader again from its attributes.
        self.shuffle, self.transforms, self.fields = shuffle, transforms, fields
        self.seed, self.engine, self.device, self.on_bad = request.seed, engine, device, on_bad
        self._skip_log = SkipLog()
        self._progress = Progress(request.seed, generator)
        self._running: Engine | None = None
        self._upcoming = Upcoming()

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        epoch, loaded = self._progress.begin()
        begun = self._upcoming.take(self._origin(epoch, loaded)) or self._begin(epoch, loaded)
        _, position, work, batches = begun
        self._progress.follow(position)
        if isinstance(self.dataset, IterableDataset):
            # Nothing else can find the place again than reading up to it.
            for _ in range(position.skipped_batches):
                next(batches, None)
        assert self._running is not None
        goes_on = self._request.has_own_order and isinstance(batches, MadeAhead)
        return EpochIterator(
            batches,
            position,
            work=work,
            sized=work if self._request.has_own_order else self._index_sampler,
            move=self._running.take,
            at_last=weakly(self._begin_next) if goes_on else None,
        )

    def _begin(self, epoch: int, loaded: LoaderState | None) -> Begun:
        """An epoch, or the rest of it, of which no batch has been asked for."""
        position, work = self._work(epoch, loaded)
        if self._running is None:
            # Now, because the GPU that is current may have been chosen after the loader was made.
            self._running = Engine(
                self,
                self._choice,
                keep_workers=self._request.persistent_workers is True,
                device=self.device,
            )
        batches = self._running.batches(
            work, self._progress.seed, epoch, self._skip_log, self._told_length()
        )
        return Begun(self._origin(epoch, loaded), position, work, batches)

    def _begin_next(self) -> None:
        """Begins with the epoch that is expected; an error of it comes when it is asked for."""
        epoch = self._progress.likely
        if epoch is None or self._upcoming.expects(self._origin(epoch, None)):
            return
        with contextlib.suppress(Exception):
            begun = self._begin(epoch, None)
            if isinstance(begun.batches, MadeAhead):
                begun.batches.begin()
                self._upcoming.keep(begun)

    def _origin(self, epoch: int, loaded: LoaderState | None) -> Hashable:
        """What the batches of an epoch, or of the rest of it, follow from."""
        return self._progress.seed, epoch, loaded, read_ranks(), self._count()

    def __len__(self) -> int:
        """Batches of a whole epoch on this rank.

        Raises:
            TypeError: The dataset, or the sampler given, has no length.
        """
        if not self._request.has_own_order:
            return super().__len__()
        world = read_ranks().world
        count = len(self.dataset)  # type: ignore[arg-type]
        return shard_length(
            count, batch_size=self.batch_size or 1, world=world, drop_last=self.drop_last
        )

    def check_worker_number_rationality(self) -> None:
        """Warns of more workers than cores, where workers are processes."""
        if self._choice.engine == "torch":
            super().check_worker_number_rationality()

    @property
    def skipped(self) -> tuple[Skip, ...]:
        """(sample, key, reason) of every sample left out so far, with ``on_bad="skip"``."""
        return self._skip_log.entries

    def explain(self) -> Explanation:
        """Which engine makes the batches, with which settings, and why."""
        return self._explanation

    def set_epoch(self, epoch: int) -> None:
        """Makes every following `iter` go through this epoch, until it is set again.

        A position loaded by `load_state_dict` stays when it lies in this epoch. A sampler of your
        own that has a ``set_epoch`` is told too.

        Raises:
            UsageError: The epoch is negative, or no whole number.
        """
        self._progress.hold(epoch)
        samplers: tuple[Any, ...] = (self.sampler, self.batch_sampler)
        for sampler in samplers:
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands: after the last batch that its newest iterator handed out.

        Every rank's is the same, apart from ``batches`` once the number of ranks has changed.

        Raises:
            UsageError: ``in_order=False`` hands batches out in an order that no number describes.
        """
        place = self._progress.place()
        if isinstance(place, LoaderState):
            return place.to_dict()
        if place.batches and self._choice.engine == "torch" and not self.in_order:
            raise UsageError("state_dict() within an epoch needs in_order=True")
        return LoaderState(
            seed=self._progress.seed,
            epoch=place.epoch,
            consumed=place.consumed,
            batches=place.skipped_batches + place.batches,
            count=self._count(),
            shuffle=bool(self.shuffle) if self._request.has_own_order else None,
            order=place.order,
        ).to_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Makes the next `iter` go on where another loader over the same samples stood.

        Workers, engine, batch size and number of ranks may differ. Where the order is a sampler's
        of your own, its batches up to there are drawn and dropped, so it must repeat itself.

        Raises:
            UsageError: The state is none, or belongs to other samples or another order.
        """
        loaded = LoaderState.from_dict(state)
        shuffle = bool(self.shuffle) if self._request.has_own_order else None
        for name, found, own in (
            ("samples", loaded.count, self._count()),
            ("shuffle", loaded.shuffle, shuffle),
        ):
            if found != own:
                raise UsageError(
                    f"the state was taken with {name}={found}, this loader has {own}; a position "
                    "means nothing in another order"
                )
        self._progress.load(loaded)

    def __getstate__(self) -> dict[str, Any]:
        # Gathers, threads and workers belong to this process.
        return self.__dict__ | dict.fromkeys(("_choice", "_running")) | {"_upcoming": Upcoming()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__dict__["_choice"] = choose_engine(self._request)

    def _work(self, epoch: int, loaded: LoaderState | None) -> tuple[Position, Any]:
        """What the epoch, or the rest of it, consists of."""
        skipped = loaded.batches if loaded else 0
        if not self._request.has_own_order:
            if isinstance(self.dataset, IterableDataset):
                return Position(epoch, skipped_batches=skipped), ()
            return Position(epoch, skipped_batches=skipped), SampledWork(
                self._index_sampler, skipped
            )
        ranks, seed = read_ranks(), self._progress.seed
        order = epoch_order(self._count() or 0, shuffle=bool(self.shuffle), seed=seed, epoch=epoch)
        start, checksum = (loaded.consumed if loaded else 0), fingerprint(order)
        if loaded and start and loaded.order != checksum:
            raise UsageError(
                "the loaded state followed another order than its seed gives here, as another "
                "version of NumPy would; finish that epoch with the version it was begun with"
            )
        work = cut(
            order,
            batch_size=self.batch_size or 1,
            rank=ranks.rank,
            world=ranks.world,
            drop_last=self.drop_last,
            consumed=start,
        )
        position = Position(
            epoch, start=start, skipped_batches=skipped, ends=work.ends, order=checksum
        )
        return position, work

    def _count(self) -> int | None:
        return len(self.dataset) if self._request.has_own_order else None  # type: ignore[arg-type]

    def _told_length(self) -> int | None:
        told: int | None = self._IterableDataset_len_called
        return told
