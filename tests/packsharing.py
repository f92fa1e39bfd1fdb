"""The pack contract: processes, threads, replacing and closing."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from packbase import PackBase
from packcopies import again, data_file
from packsamples import digest, kept, write_pack

from fastdata.errors import (
    PackError,
    UsageError,
)
from fastdata.packs import Pack, open_pack


class PackSharing(PackBase):
    """A pack in many hands."""

    # Processes and threads.

    def test_pickle_opens_again(self, pack: Pack, path: Path) -> None:
        other = again(pack)
        assert digest(other) == digest(pack) and other.verify_mode == pack.verify_mode
        found = again(pack[4])
        assert type(found) is pack.sample_type and found.caption == pack[4].caption
        assert copy.copy(pack[4]).label == pack[4].label
        view = again(pack.subset(label=1))
        assert view[0].caption == pack.subset(label=1)[0].caption

    def test_pickle_travels_to_a_spawned_process(self, pack: Pack, tmp_path: Path) -> None:
        (tmp_path / "pickle").write_bytes(pickle.dumps(pack))
        program = (
            "import pickle, sys; sys.path[:0] = [sys.argv[2]]; from packsamples import digest;"
            "print(digest(pickle.load(open(sys.argv[1], 'rb'))))"
        )
        command = [sys.executable, "-c", program, tmp_path / "pickle", Path(__file__).parent]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert found.strip() == digest(pack)

    def test_pickle_refuses_a_replaced_pack(self, tmp_path: Path) -> None:
        path = write_pack(tmp_path / f"a{self.suffix}", 3)
        pack = open_pack(path)
        write_pack(path, 3, overwrite=True)
        with pytest.raises(PackError, match="was replaced by another pack"):
            again(pack)

    def test_forked_readers_see_the_same(self, pack: Pack) -> None:
        expected = digest(pack)
        children = []
        for _ in range(4):
            reading, writing = os.pipe()
            child = os.fork()
            if not child:
                try:
                    os.write(writing, digest(pack).encode())
                finally:
                    os._exit(0)
            os.close(writing)
            children.append((child, reading))
        assert digest(pack) == expected
        for child, reading in children:
            with os.fdopen(reading) as pipe:
                assert pipe.read() == expected
            assert os.waitpid(child, 0)[1] == 0

    def test_threads_read_at_once(self, path: Path) -> None:
        expected, found = digest(open_pack(path)), []
        pack = open_pack(path)
        threads = [threading.Thread(target=lambda: found.append(digest(pack))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [expected] * 4

    # Replacing and closing.

    def test_a_reader_keeps_its_pack_while_it_is_replaced(self, tmp_path: Path) -> None:
        path = write_pack(tmp_path / f"a{self.suffix}", 12)
        before = open_pack(path)
        expected = digest(before)
        untouched = open_pack(path)
        write_pack(path, 25, overwrite=True)
        assert digest(untouched) == digest(before) == expected
        assert len(open_pack(path)) == len(kept(25))
        assert os.listdir(tmp_path) == [path.name]

    def test_opening_while_it_is_replaced_again_and_again(self, tmp_path: Path) -> None:
        path = write_pack(tmp_path / f"a{self.suffix}", 4)
        expected = {digest(open_pack(path))}
        write_pack(path, 7, overwrite=True)
        expected.add(digest(open_pack(path)))
        child = os.fork()
        if not child:
            try:
                for number in range(20):
                    write_pack(path, 4 if number % 2 else 7, overwrite=True)
            finally:
                os._exit(0)
        found, opened = set(), 0
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            with open_pack(path) as pack:
                found.add(digest(pack))
                opened += 1
        assert found <= expected and opened > 5

    def test_an_existing_pack_is_not_replaced_unasked(self, tmp_path: Path) -> None:
        path = write_pack(tmp_path / f"a{self.suffix}", 3)
        with pytest.raises(UsageError, match=r"exists; use --overwrite"):
            write_pack(path, 4)
        assert len(open_pack(path)) == 3
        assert os.listdir(tmp_path) == [path.name]

    def test_closed(self, path: Path) -> None:
        with open_pack(path) as pack:
            kept_view = pack.column("label")
        with pytest.raises(UsageError, match="is closed; open it again"):
            pack[0]
        assert kept_view[0] == 0

    def test_nothing_is_left_open(self, path: Path) -> None:
        gc.collect()
        gc.disable()
        try:
            before = os.listdir("/proc/self/fd")
            for _ in range(3):
                with open_pack(path) as pack:
                    digest(pack)
            del pack
            assert os.listdir("/proc/self/fd") == before
            maps = Path("/proc/self/maps").read_bytes()
            assert os.fsencode(data_file(path)) not in maps
        finally:
            gc.enable()
