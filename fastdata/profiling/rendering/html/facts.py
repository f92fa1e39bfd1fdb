"""What else a profile says: the slowest samples, ranks, beginnings, loader, machine, gaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fastdata.profiling.record import (
    LoaderFacts,
    MachineFacts,
    Profile,
    RankFigures,
    SlowSample,
    StartFigures,
    SyncSite,
    Workers,
)
from fastdata.webpage import escape
from fastdata.wording import human_bytes, human_duration

__all__ = ["facts_section", "gaps_section", "rank_section", "slowest_section", "sync_section"]

_MOST_SAMPLES = 20
# Characters of a name that stand on one line beside the other columns.
_NAME = 80


def slowest_section(workers: Workers) -> str:
    """The slowest samples; empty where none were timed."""
    if not workers.slowest:
        return ""
    most = workers.slowest[0].seconds or 1.0
    lines = "".join(_sample(sample, most) for sample in workers.slowest[:_MOST_SAMPLES])
    usual = workers.sample_seconds
    beside = "" if usual is None else f"; a sample takes {human_duration(usual.median)} by median"
    return (
        f'<section><h2>Slowest samples</h2><p class="quiet">of the slowest 1 %{beside}</p>'
        '<table class="slow"><thead><tr><th class="number">took<th><th class="number">index'
        f"<th>name<th>worker</thead><tbody>{lines}</tbody></table></section>"
    )


def _sample(sample: SlowSample, most: float) -> str:
    # The end of a path is what tells two files apart.
    name = sample.name if len(sample.name) <= _NAME else "…" + sample.name[1 - _NAME :]
    return (
        f'<tr><td class="number">{human_duration(sample.seconds)}'
        f'<td><meter-bar style="--share:{sample.seconds / most:.4f}"></meter-bar>'
        f'<td class="number">{"-" if sample.index is None else f"{sample.index:,}"}'
        f'<th title="{escape(sample.name)}">{escape(name) or "-"}<td class="whole">'
        f"{escape(sample.worker)}"
    )


def sync_section(syncs: Sequence[SyncSite] | None) -> str:
    """Lines of the script that make the CPU wait for the GPU; empty where there are none."""
    if not syncs:
        return ""
    most = syncs[0].seconds or 1.0
    lines = "".join(
        f'<tr><td class="number">{human_duration(one.seconds)}'
        f'<td><meter-bar style="--share:{one.seconds / most:.4f}"></meter-bar>'
        f'<td class="number">{one.count:,}<th>{escape(one.call)}'
        f"<td>{escape(f'{one.file}:{one.line}' if one.file else '-')}"
        for one in syncs[:_MOST_SAMPLES]
    )
    return (
        '<section><h2>Waits for the GPU</h2><p class="quiet">calls that hold the CPU until the GPU '
        'has done all before them, so that nothing can be queued meanwhile</p><table class="slow">'
        '<thead><tr><th class="number">took<th><th class="number">times<th>call<th>line</thead>'
        f"<tbody>{lines}</tbody></table></section>"
    )


def rank_section(ranks: Sequence[RankFigures]) -> str:
    """One line a process; empty for one process."""
    if not ranks:
        return ""
    slowest = max(rank.own_seconds or 0.0 for rank in ranks) or 1.0
    lines = "".join(_rank(rank, slowest) for rank in ranks)
    return (
        '<section><h2>Ranks</h2><p class="quiet">own time is that of a step without what also '
        "waits for other ranks; the slowest rank holds up all</p>"
        '<table class="narrow"><thead><tr><th><th class="number">step<th class="number">exposed'
        f'<th class="number">own time<th></thead><tbody>{lines}</tbody></table></section>'
    )


def _rank(rank: RankFigures, slowest: float) -> str:
    own = rank.own_seconds
    exposed = "-" if rank.exposed_share is None else f"{rank.exposed_share:.1%}"
    return (
        f'<tr><th>rank {rank.rank}<td class="number">{human_duration(rank.step_seconds.median)}'
        f'<td class="number">{exposed}'
        f'<td class="number">{"-" if own is None else human_duration(own)}'
        f'<td class="wide"><meter-bar style="--share:{(own or 0.0) / slowest:.4f}"></meter-bar>'
    )


def facts_section(profile: Profile) -> str:
    """Beginnings, loader and machine."""
    tables = [
        ("Beginnings", _start(profile.start) if profile.steps else ()),
        ("Loader", _loader(profile.loader, profile.workers) if profile.loader else ()),
        ("Machine", _machine(profile.machine)),
    ]
    made = "".join(_table(name, list(rows)) for name, rows in tables)
    return f'<section class="columns">{made}</section>'


def _table(name: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><th>{key}<td>{escape(value)}" for key, value in rows)
    return f"<div><h2>{name}</h2><table><tbody>{lines}</tbody></table></div>" if lines else ""


def _start(start: StartFigures) -> Iterator[tuple[str, str]]:
    yield "epochs", str(start.epochs)
    if start.worker_start_seconds is not None:
        yield "start of the workers", human_duration(start.worker_start_seconds)
    if start.first_batch_seconds is not None:
        yield "first batch of an epoch", human_duration(start.first_batch_seconds)
    yield "warm-up", f"{start.warmup_steps} steps, {human_duration(start.warmup_seconds)}"
    if start.validation_passes:
        times = f"{start.validation_passes} times"
        yield "validation", f"{times}, {human_duration(start.validation_seconds)} together"


def _loader(loader: LoaderFacts, workers: Workers) -> Iterator[tuple[str, str]]:
    yield "class", loader.kind + (f", engine {loader.engine}" if loader.engine else "")
    yield "dataset", loader.dataset or "unknown"
    yield "samples", "unknown" if loader.samples is None else f"{loader.samples:,}"
    yield "batch size", "unknown" if loader.batch_size is None else str(loader.batch_size)
    yield "workers", str(loader.workers)
    if loader.prefetch_batches is not None:
        yield "batches made ahead", str(loader.prefetch_batches)
    if loader.engine is not None:
        yield "batches are left in", loader.device or "main memory"
    yield "pinned memory", "yes" if loader.pin_memory else "no"
    yield "workers outlive an epoch", "yes" if loader.persistent_workers else "no"
    if workers.ready_share is not None:
        yield "a batch lay ready at", f"{workers.ready_share:.0%} of the fetches"


def _machine(machine: MachineFacts) -> Iterator[tuple[str, str]]:
    yield "host", machine.host
    yield "device", machine.device_name or machine.device or "unknown"
    yield "cores", str(machine.cores)
    yield "free memory", human_bytes(machine.memory_bytes)
    yield "platform", machine.platform
    yield "Python", machine.python
    yield "torch", machine.torch or "unknown"
    yield "fastdata", machine.fastdata


def gaps_section(profile: Profile) -> str:
    """What was not seen, or makes the figures doubtful."""
    lines = [*profile.verdict.missing, *profile.notes]
    if profile.steps and not profile.workers.lanes:
        lines.append("nothing was seen inside the workers of the loader")
    if profile.clock == "cpu" and profile.steps and profile.verdict.kind != "loader alone":
        lines.append("no GPU: what its work would have hidden of the wait is not known")
    items = "".join(f"<li>{escape(line)}" for line in lines)
    return (
        f'<section><h2>Missing or doubtful</h2><ul class="plain">{items}</ul></section>'
        if items
        else ""
    )
