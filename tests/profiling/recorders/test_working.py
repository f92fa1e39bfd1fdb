"""What making a batch takes of the cores, by this process or by threads that a library starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from fastdata.profiling.recorders.working import with_helpers


@pytest.mark.parametrize(
    ("waited", "wall", "cpu", "own_cpu", "found"),
    [
        (0.06, 0.12, 0.06, 0.06, 0.06),  # nobody helped
        (0.03, 0.12, 0.06, 0.03, 0.06),  # half of it was done by a thread that lacked a core too
        (0.03, 0.10, 0.06, 0.02, 0.04),  # no more than what is left
        (0.03, 0.06, 0.12, 0.04, 0.03),  # threads at once: what each lacked is in the same time
        (0.00, 0.12, 0.06, 0.03, 0.00),  # with cores for all, the rest was a sleep
        (0.01, 0.12, 0.00, 0.00, 0.01),
    ],
)
def test_helpers_lack_a_core_as_often_as_who_waits_for_them(
    waited: float, wall: float, cpu: float, own_cpu: float, found: float
) -> None:
    lacked = with_helpers(waited, wall=wall, cpu=cpu, own_cpu=own_cpu)
    assert lacked == pytest.approx(found)


# Half of the work is done by a thread that is gone afterwards, beside a process on the same core.
BESIDE_ANOTHER = """
import hashlib, json, os, threading, time
from fastdata.profiling.lanes.channel import Channel
from fastdata.profiling.recorders.working import Workshop

def burn():
    end = time.thread_time() + 0.05
    while time.thread_time() < end:
        hashlib.sha256(bytes(1 << 16)).digest()

shop = Workshop(Channel.create())
worker = shop.worker(name="w", kind="process", training_pid=1, dataset="d", samples=1)
found = {}
worker.count = found.update
start = time.perf_counter()
shop.run(worker)
for _ in range(8):
    burn()
    helper = threading.Thread(target=burn)
    helper.start()
    helper.join()
shop.stop(worker, is_whole=True)
found["wall"] = time.perf_counter() - start
print(json.dumps(found))
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen here")
def test_what_a_library_does_on_a_thread_of_its_own_lacks_cores_too() -> None:
    core = {min(os.sched_getaffinity(0))}
    pinned = f"import os; os.sched_setaffinity(0, {core})\n"
    with subprocess.Popen([sys.executable, "-c", f"{pinned}while True: pass"]) as burner:
        try:
            done = subprocess.run(
                [sys.executable, "-c", pinned + BESIDE_ANOTHER], stdout=subprocess.PIPE, check=True
            )
        finally:
            burner.kill()
    found = json.loads(done.stdout)
    lacked = found["wall"] - found["cpu_seconds"]
    assert lacked > 0.5 * found["cpu_seconds"]
    assert found["core_wait_seconds"] == pytest.approx(lacked, rel=0.2)
