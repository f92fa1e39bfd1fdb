"""The compiled core's threads: shared, forked, refused by the system, interrupted, at the end."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fastdata.cores import Core, FieldBatch
from fastdata.schema import Image

COUNT, SIDE = 40, 50
RECORDS = [np.full((SIDE, SIDE, 3), at, np.uint8).tobytes() for at in range(COUNT)]
SIZES = np.full((COUNT, 2), SIDE, np.int32)

pytestmark = pytest.mark.usefixtures("compiled_core")


def is_right(core: Core, threads: int) -> bool:
    out = np.full((COUNT, SIDE, SIDE, 3), 255, np.uint8)
    batch = FieldBatch(field=Image(codec="raw"), records=RECORDS, sizes=SIZES, out=out, names=str)
    failures = core.decode_batch(batch, threads=threads)
    return not failures and bool((out == np.arange(COUNT)[:, None, None, None]).all())


def test_any_number_of_threads_does_the_work(compiled_core: Core) -> None:
    assert all(is_right(compiled_core, threads) for threads in (-1, 0, 1, 2, 3, 7, 40, 100))


def test_calls_from_several_threads_share_the_pool(compiled_core: Core) -> None:
    with ThreadPoolExecutor(5) as callers:
        done = callers.map(lambda at: is_right(compiled_core, 1 + at % 4), range(200))
        assert all(done)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own(compiled_core: Core) -> None:
    assert is_right(compiled_core, 4)
    stop = threading.Event()

    def keep_busy() -> None:
        while not stop.is_set():
            is_right(compiled_core, 3)

    busy = threading.Thread(target=keep_busy)
    busy.start()
    try:
        # Forked at many moments of a call that another thread is in.
        for _ in range(20):
            child = os.fork()
            if child == 0:
                signal.alarm(60)
                os._exit(0 if is_right(compiled_core, 4) and is_right(compiled_core, 6) else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        busy.join()


PROGRAM = """
import sys, threading, time
import numpy as np
from fastdata.cores import FieldBatch, core
from fastdata.schema import Image

count, side = 40, 200
records, sizes = [bytes(side * side * 3)] * count, np.full((count, 2), side, np.int32)
out = np.empty((count, side, side, 3), np.uint8)
batch = FieldBatch(field=Image(codec="raw"), records=records, sizes=sizes, out=out, names=str)

def decode(threads):
    out[:] = 1
    core().decode_batch(batch, threads=threads)

def decode_for_ever():
    while True:
        decode(2)

"""


def start(program: str, **options: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM + program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # NumPy's own threads, of which the test below allows none, are not looked at here.
        env=os.environ | {"FASTDATA_NATIVE": "require", "OPENBLAS_NUM_THREADS": "1"},
        **options,  # type: ignore[call-overload]
    )


@pytest.mark.skipif(sys.platform != "linux", reason="stack sizes of Linux's C library")
def test_without_any_thread_the_caller_does_the_work() -> None:
    def ask_for_impossible_stacks() -> None:
        # Every thread's stack is this large by default, and no address space is.
        _, hard = resource.getrlimit(resource.RLIMIT_STACK)
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 48, hard))

    if resource.getrlimit(resource.RLIMIT_STACK)[1] != resource.RLIM_INFINITY:
        pytest.skip("the limit of stacks cannot be raised here")
    program = (
        "decode(8)\n"
        "try: threading.Thread(target=print).start()\n"
        "except RuntimeError: print('no thread', bool((out == 0).all()))\n"
    )
    done = start(program, preexec_fn=ask_for_impossible_stacks)
    output, errors = done.communicate(timeout=120)
    assert (output, errors, done.returncode) == (b"no thread True\n", b"", 0)


def test_the_interpreter_ends_while_daemon_threads_decode() -> None:
    done = start(
        "for _ in range(3): threading.Thread(target=decode_for_ever, daemon=True).start()\n"
        "time.sleep(0.2)\n"
        "print('done')\n"
    )
    output, errors = done.communicate(timeout=120)
    assert (output, errors, done.returncode) == (b"done\n", b"", 0)


def test_an_interrupt_is_heard_between_batches() -> None:
    with start("print('begun', flush=True)\ndecode_for_ever()\n") as running:
        try:
            assert running.stdout is not None and running.stdout.readline() == b"begun\n"
            time.sleep(0.1)
            running.send_signal(signal.SIGINT)
            _, errors = running.communicate(timeout=120)
        finally:
            running.kill()
    assert running.returncode == -signal.SIGINT
    assert b"KeyboardInterrupt" in errors
