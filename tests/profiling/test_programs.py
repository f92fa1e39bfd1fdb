"""Programs that fastdata did not write, profiled unmodified: injected delays are found."""

from __future__ import annotations

import importlib.util
import json
import statistics
import sys
from pathlib import Path

import pytest
from commands import run
from profiled import TRAIN, loop, profile

from fastdata.profiling import read_profile
from fastdata.profiling.selfcheck.known import median_rows

pytestmark = pytest.mark.alone

SLOW = """
class Slow(Dataset):
    def __init__(self, count, seconds):
        self.count, self.seconds = count, seconds
    def __len__(self):
        return self.count
    def __getitem__(self, index):
        time.sleep(self.seconds)
        return torch.ones(8)
"""


def test_a_plain_loop(tmp_path: Path) -> None:
    setup = """
    class Slow(Numbers):
        def __getitem__(self, index):
            time.sleep(0.01)
            return super().__getitem__(index)
    dataset, WORKERS = Slow(), 1
    """
    done = profile(tmp_path, loop(f"time.sleep(0.02)\n{TRAIN}", setup=setup))
    rows = median_rows(done.profile)
    assert done.profile.steps == 20
    # The worker takes 40 ms a batch, 20 of which the loop sleeps.
    assert 0.017 <= rows["exposed_data_wait"] < 0.03 and 0.02 <= rows["residual"] < 0.03
    assert done.profile.verdict.kind == "data-bound"


QUEUED = """
def ahead(loader):
    made = {made}
    def load():
        for batch in loader:
            made.put(batch)
        made.put(None)
    threading.Thread(target=load, daemon=True).start()
    while (batch := made.get()) is not None:
        yield batch
"""

AHEAD = {
    "a queue": QUEUED.format(made="queue.Queue(4)"),
    "SimpleQueue, imported by its name": QUEUED.format(made="SimpleQueue()"),
    "two threads, one of which hands on what it gets": """
def ahead(loader):
    raw, made = queue.SimpleQueue(), queue.Queue(2)
    def load():
        for batch in loader:
            raw.put(batch)
        raw.put(None)
    def hand_on():
        while (batch := raw.get()) is not None:
            made.put(batch * 2)
        made.put(None)
    for target in (load, hand_on):
        threading.Thread(target=target, daemon=True).start()
    while (batch := made.get()) is not None:
        yield batch
""",
    "a future": """
def ahead(loader):
    batches = iter(loader)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch
""",
    "a pool of threads": """
def ahead(loader):
    batches = iter(loader)
    with ThreadPool(1) as pool:
        coming = pool.apply_async(next, (batches, None))
        while (batch := coming.get()) is not None:
            coming = pool.apply_async(next, (batches, None))
            yield batch
""",
}

PREFETCHING = f"""
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
import queue, threading, time
from queue import SimpleQueue
import json, pathlib, sys, torch
from torch.utils.data import DataLoader, Dataset
{SLOW}
AHEAD
torch.set_num_threads(1)
net = torch.nn.Linear(8, 2)
opt = torch.optim.SGD(net.parameters(), lr=0.01)
waits, batches = [], ahead(DataLoader(Slow(40, 0.05)))
while True:
    begun = time.perf_counter()
    x = next(batches, None)
    waits.append(time.perf_counter() - begun)
    if x is None:
        break
    time.sleep(0.02)
    net(x).sum().backward()
    opt.step()
pathlib.Path(sys.argv[1]).write_text(json.dumps(waits))
"""


@pytest.mark.parametrize("way", AHEAD)
def test_a_prefetcher_waits_for_as_long_as_it_says_itself(tmp_path: Path, way: str) -> None:
    told = tmp_path / "waits.json"
    done = profile(tmp_path, PREFETCHING.replace("AHEAD", AHEAD[way]), str(told))
    rows, waits = median_rows(done.profile), json.loads(told.read_text())
    assert done.ended.code == 0 and done.profile.steps == 30
    assert done.profile.verdict.kind == "data-bound"
    waited = statistics.median(waits[10:-1])
    assert waited > 0.02 and rows["exposed_data_wait"] == pytest.approx(waited, abs=0.002)
    assert 0.02 <= rows["residual"] < 0.03
    assert done.profile.loader is not None and done.profile.loader.dataset == "Slow"


LIGHTNING = f"""
import logging, time, torch, warnings
warnings.filterwarnings("ignore")
import pytorch_lightning as lightning
from torch.utils.data import DataLoader, Dataset
{SLOW}
class Net(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 2)
    def forward(self, x):
        time.sleep(0.01)
        return self.layer(x)
    def training_step(self, batch, index):
        return self(batch).sum()
    def validation_step(self, batch, index):
        self(batch)
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)

torch.set_num_threads(1)
trainer = lightning.Trainer(
    max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False,
    enable_progress_bar=False, enable_model_summary=False, val_check_interval=20,
)
trainer.fit(Net(), DataLoader(Slow(40, 0.03)), DataLoader(Slow(10, 0.005)))
"""


@pytest.mark.skipif(
    importlib.util.find_spec("pytorch_lightning") is None, reason="no Lightning here"
)
def test_a_lightning_trainer(tmp_path: Path) -> None:
    done = profile(tmp_path, LIGHTNING)
    rows = median_rows(done.profile)
    assert done.ended.code == 0 and done.profile.steps == 30
    assert 0.03 <= rows["exposed_data_wait"] < 0.04 and 0.01 <= rows["forward"] < 0.015
    start = done.profile.start
    # The pass after the last step belongs to none.
    assert start.validation_passes >= 1
    assert start.validation_seconds >= start.validation_passes * 2 * 0.015
    assert done.profile.loader is not None and done.profile.loader.samples == 40


RANKS = f"""
import os, time, torch
import torch.distributed as dist
from torch.utils.data import DataLoader, Dataset
{SLOW}
torch.set_num_threads(1)
dist.init_process_group("gloo")
net = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(8, 2))
opt = torch.optim.SGD(net.parameters(), lr=0.01)
for x in DataLoader(Slow(25, 0.04 if dist.get_rank() == 1 else 0.005)):
    net(x).sum().backward()
    opt.step()
dist.barrier()
dist.destroy_process_group()
"""


def test_one_slow_rank_of_torchrun_is_the_one_that_is_shown(tmp_path: Path) -> None:
    script = tmp_path / "ranks.py"
    script.write_text(RANKS)
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")
    # Gloo sometimes aborts on its way out, profiled or not; the steps are done by then.
    run("profile", "-o", tmp_path, "--", *torchrun, script)
    shown = read_profile(tmp_path / "report.json")
    assert [rank.rank for rank in shown.ranks] == [0, 1]
    assert all(rank.steps == 15 for rank in shown.ranks)
    assert "rank 1 is shown: it is the slowest, and the others wait for it" in shown.notes
    assert shown.rows["exposed_data_wait"] >= 0.04 and shown.verdict.kind == "data-bound"
    assert shown.ranks[0].step_seconds.median >= 0.04 > shown.ranks[0].own_seconds  # type: ignore[operator]
