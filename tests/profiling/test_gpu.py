"""Whose time is whose on a GPU: waits exposed and hidden, copies, launches, what waits for it."""

from __future__ import annotations

import inspect
import json
import statistics
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gated import assert_holds
from small_runs import trainer
from torch import nn

from fastdata import FastLoader, Profiler
from fastdata.packs import create_pack
from fastdata.profiling import Profile
from fastdata.profiling.alone import profile_loader
from fastdata.profiling.selfcheck.known import median_rows
from fastdata.profiling.selfcheck.observing import MODULES, observer
from fastdata.profiling.selfcheck.on_gpu import (
    GPU_RATIOS,
    BusyGpu,
    SlowBatches,
    cycles_for,
    gpu_closed_form,
    median_waits,
    spin,
)
from fastdata.schema import Image, Schema
from fastdata.transforms import HorizontalFlip

pytestmark = pytest.mark.needs_gpu

STEPS = 25


def train(batches: Iterable[Any], cycles: int, *, reads: bool = False) -> Profile:
    """Steps that keep the GPU busy for so many cycles; `reads` asks for the loss of each."""
    model = BusyGpu(cycles)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Profiler(warmup=5) as profiler:
        for _ in profiler.watch(batches):
            loss = model()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if reads:
                loss.item()
        torch.cuda.synchronize()
    profile = profiler.report()
    assert profile.clock == "cuda"
    return profile


@pytest.mark.parametrize("ratio", GPU_RATIOS)
def test_waits_are_exposed_where_the_gpu_had_run_out_of_work(ratio: float) -> None:
    assert_holds(lambda: gpu_closed_form(ratios=[ratio]))


def test_a_late_loader_is_hidden_until_the_loss_is_read() -> None:
    """The loader takes 20 ms, the GPU 60: nothing is exposed but where `.item()` drains it."""
    exposed, hidden = median_waits(train(SlowBatches(STEPS, 0.02), cycles_for(0.06)))
    assert exposed < 0.001 and hidden == pytest.approx(0.02, rel=0.1)
    batches = SlowBatches(STEPS, 0.02)
    exposed, hidden = median_waits(train(batches, cycles_for(0.06), reads=True))
    slept = statistics.median(b - a for a, b in zip(batches.asked, batches.there, strict=True))
    assert exposed == pytest.approx(slept, abs=0.001) and hidden < 0.001


def test_steps_on_a_stream_of_their_own_are_timed_there() -> None:
    with torch.cuda.stream(torch.cuda.Stream()):
        exposed, hidden = median_waits(train(SlowBatches(STEPS, 0.04), cycles_for(0.02)))
    assert exposed == pytest.approx(0.02, abs=0.002) and hidden == pytest.approx(0.02, abs=0.002)


def test_a_pageable_copy_is_a_copy_and_no_wait_for_data() -> None:
    pageable, took = torch.ones(64 << 20), []

    def batches() -> Iterator[torch.Tensor]:
        for _ in range(STEPS):
            yield pageable

    net = nn.Linear(8, 1, device="cuda")
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-9)
    with Profiler(warmup=5) as profiler:
        for batch in profiler.watch(batches()):
            start = time.perf_counter()
            values = batch.to("cuda")
            took.append(time.perf_counter() - start)
            loss = net(values[:80].view(-1, 8)).sum()
            loss.backward()
            optimizer.step()
            loss.item()
    profile = profiler.report()
    rows, copied = median_rows(profile), statistics.median(took)
    assert rows["h2d"] == pytest.approx(copied, rel=0.15)
    assert rows["exposed_data_wait"] < 0.05 * copied
    assert profile.syncs is not None
    assert any(site.call == "Tensor.to from pageable memory" for site in profile.syncs)


class Ahead:
    """Copies on a stream of its own, where a copy takes `cycles`; the consumer waits for it."""

    def __init__(self, cycles: int, *, waits_inside: bool) -> None:
        self.stream = torch.cuda.Stream()
        self.took: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
        self._waits_inside = waits_inside
        self._cycles = cycles

    def __iter__(self) -> Iterator[torch.Tensor]:
        pinned = torch.ones(8).pin_memory()
        for _ in range(STEPS):
            with torch.cuda.stream(self.stream):
                batch = pinned.to("cuda", non_blocking=True)
                self.took.append(spin(self._cycles))
            if self._waits_inside:
                torch.cuda.current_stream().wait_stream(self.stream)
            yield batch


@pytest.mark.parametrize("waits_inside", [True, False])
def test_the_wait_for_a_copy_on_another_stream_is_exposed(waits_inside: bool) -> None:
    net = nn.Linear(8, 1, device="cuda")
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-9)
    batches = Ahead(cycles_for(0.02), waits_inside=waits_inside)
    with Profiler(warmup=5) as profiler:
        for batch in profiler.watch(batches):
            if not waits_inside:
                torch.cuda.current_stream().wait_stream(batches.stream)
            net(batch).sum().backward()
            optimizer.step()
        torch.cuda.synchronize()
    exposed, _ = median_waits(profiler.report())
    copied = statistics.median(start.elapsed_time(end) for start, end in batches.took) / 1e3
    # The work of the step itself runs beside the next copy.
    assert 0.9 * copied - 0.002 < exposed < copied + 0.002


def test_many_small_kernels_are_launch_bound() -> None:
    layers = [nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(150)]
    net = nn.Sequential(*layers).cuda()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-9)
    batches = [torch.ones(4, 8, device="cuda")] * 60
    with Profiler(warmup=10) as profiler:
        for batch in profiler.watch(batches):
            net(batch).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
        torch.cuda.synchronize()
    profile = profiler.report()
    assert profile.verdict.kind == "launch-bound", profile.verdict
    assert profile.verdict.next_command is not None


def test_what_waits_for_the_gpu_is_told_by_line_and_cost() -> None:
    line = inspect.currentframe().f_lineno  # type: ignore[union-attr]
    cycles = cycles_for(0.01)
    net = nn.Linear(8, 1, device="cuda")
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-9)
    with Profiler(warmup=0) as profiler:
        for _ in range(6):
            loss = net(torch.ones(2, 8).to("cuda")).sum()
            loss.backward()
            optimizer.step()
            spin(cycles)
            loss.item()
            spin(cycles)
            loss.detach().cpu()
            spin(cycles)
            (loss * torch.ones(3, device="cuda")).nonzero()
    syncs = profiler.report().syncs
    assert syncs is not None
    found = {site.call: site for site in syncs}
    calls = ("Tensor.item", "Tensor.cpu to the CPU", "Tensor.nonzero")
    for call, offset in zip(calls, (10, 12, 14), strict=True):
        site = found[call]
        assert (Path(site.file).name, site.line, site.count) == (
            Path(__file__).name, line + offset, 6,
        )  # fmt: skip
        assert site.seconds >= 0.8 * 6 * 0.01
    assert found["Tensor.to from pageable memory"].count == 6


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
def test_the_marks_never_wait() -> None:
    """The CPU launches steps of 50 ms far ahead, and torch sees nothing that synchronises."""
    torch.cuda.synchronize()
    cycles = cycles_for(0.05)
    model = BusyGpu(cycles)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    torch.cuda.set_sync_debug_mode("error")
    try:
        with Profiler(warmup=0) as profiler:
            start = time.perf_counter()
            for _ in profiler.watch(range(20)):
                model().backward()
                optimizer.step()
            launched = time.perf_counter() - start
            torch.cuda.set_sync_debug_mode("default")
            torch.cuda.synchronize()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert launched < 0.5 * sum(model.seconds())
    assert profiler.report().steps >= 15


def test_a_step_captured_in_a_graph_is_left_whole() -> None:
    net = nn.Linear(64, 64, device="cuda")
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    values = torch.ones(4, 64, device="cuda")

    def step() -> None:
        optimizer.zero_grad(set_to_none=False)
        net(values).sum().backward()
        optimizer.step()

    with Profiler(warmup=0) as profiler:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        before = net.weight.detach().clone()
        for _ in profiler.watch(range(20)):
            graph.replay()
            profiler.step()
        torch.cuda.synchronize()
    assert not torch.equal(before, net.weight)
    assert profiler.report().steps >= 15


def test_a_trainer_reads_the_share_that_the_profiler_reads() -> None:
    lines: list[Any] = []

    class Slow:
        def __len__(self) -> int:
            return 60

        def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            for _ in range(60):
                time.sleep(0.02)
                yield torch.ones(8, 8), torch.zeros(8, dtype=torch.long)

    net = nn.Sequential(nn.Linear(8, 2))
    cycles = cycles_for(0.01)

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        spin(cycles)
        return nn.functional.cross_entropy(output, target)

    with Profiler(warmup=3) as profiler:
        trainer(net, loss, device="cuda", report=lines.append).fit(profiler.watch(Slow()))
    shares = [line.data_share for line in lines if hasattr(line, "data_share")]
    profile = profiler.report()
    assert shares and profile.exposed_share is not None and profile.exposed_share > 0.2
    assert statistics.median(shares) == pytest.approx(profile.exposed_share, abs=0.03)


def idle_seconds(trace: Path, *, after: int) -> float:
    """Mean that the GPU was idle from one step's work to the next, by a trace of Kineto's."""
    events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    work = [event for event in events if event.get("cat") in ("kernel", "gpu_memcpy", "gpu_memset")]
    spins = sorted(event["ts"] for event in work if "spin" in event["name"])[after:]
    idle, end = 0.0, spins[0]
    for start, stop in sorted((event["ts"], event["ts"] + event["dur"]) for event in work):
        if spins[0] <= start <= spins[-1]:
            idle += max(0.0, start - end)
            end = max(end, stop)
    return idle / 1e6 / (len(spins) - 1)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("waits", "computes"), [(0.03, 0.01), (0.02, 0.04)])
def test_it_agrees_with_a_window_of_kineto(tmp_path: Path, waits: float, computes: float) -> None:
    """The GPU is idle while it waits for data, and until the next step's work is launched."""
    batches, cycles = SlowBatches(STEPS, waits), cycles_for(computes)
    kinds = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=kinds) as window:
        profile = train(batches, cycles)
    window.export_chrome_trace(str(tmp_path / "trace.json"))
    idle = idle_seconds(tmp_path / "trace.json", after=5)
    exposed, _ = median_waits(profile)
    # A step is launched in less than 1 ms; means and medians differ by as much.
    assert exposed - 0.001 <= idle <= exposed + 0.002


def test_the_profiler_costs_as_little_with_events() -> None:
    assert_holds(lambda: observer(modules=MODULES, device="cuda"))


@pytest.mark.parametrize("flips", [False, True], ids=["gathered", "on threads"])
def test_the_copies_of_fastloader_have_a_row(tmp_path: Path, flips: bool) -> None:
    path, shape = tmp_path / "raw.lmdb", (512, 512)
    with create_pack(path, Schema({"image": Image(codec="raw", shape=shape)})) as writer:
        for _ in range(128):
            writer.add(image=np.zeros((*shape, 3), np.uint8))
    loader = FastLoader(
        path, 64, num_workers=2, transforms=[HorizontalFlip()] if flips else None, device="cuda"
    )
    profile = profile_loader(loader, batches=30, warmup=4)
    assert profile.loader is not None and profile.loader.device == "cuda"
    assert profile.clock == "cuda"
    (bus,) = (one for one in profile.workers.stages if one.operation == "over the bus")
    (whole,) = (one for one in profile.workers.stages if (one.name, one.operation) == ("copy", ""))
    assert whole.total_seconds >= bus.total_seconds and whole.samples_per_second is not None
    assert bus.seconds_per_batch == pytest.approx(copy_seconds(64 * 3 * 512 * 512), rel=0.5)


def copy_seconds(byte_count: int) -> float:
    """Of so many pinned bytes to the GPU, alone."""
    source, took = torch.empty(byte_count, dtype=torch.uint8, pin_memory=True), []
    for _ in range(10):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        source.to("cuda", non_blocking=True)
        end.record()
        end.synchronize()
        took.append(begin.elapsed_time(end) / 1e3)
    return statistics.median(took)
