"""Two writers, forgetful writers and what stands in their way."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from packcopies import again
from packsamples import COUNTED, SERIES, digest, write_pack
from syscalls import in_child

from fastdata.errors import InputError, LabelError, PackBusy, UsageError
from fastdata.packs import create_pack, encode_sample, open_pack, partial_of
from fastdata.schema import Array, DistanceMap, Image, Label, Mask, Scalar, Schema, Text, Window


@pytest.fixture(params=[".lmdb", ".h5"])
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_second_writer_is_told_who_writes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    with create_pack(path, COUNTED) as writer:
        writer.add(label=1)
        for resume in (False, True):
            with pytest.raises(PackBusy) as caught:
                create_pack(path, COUNTED, resume=resume)
            assert f"process {os.getpid()} on {socket.gethostname()}" in str(caught.value)
            assert again(caught.value).errno == caught.value.errno
        writer.add(label=2)
    assert open_pack(path).column("label").tolist() == [1, 2]


def test_one_of_many_simultaneous_writers_wins(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    go, ready = os.pipe(), os.pipe()
    children = []
    for _ in range(20):
        child = os.fork()
        if not child:
            status = 1
            try:
                os.read(go[0], 1)
                writer = create_pack(path, COUNTED)
                os.write(ready[1], b"x")
                os.close(go[1])
                signal.pause()
                writer.close()
            except PackBusy:
                status = 5
            finally:
                os._exit(status)
        children.append(child)
    os.write(go[1], b"x" * 20)
    assert os.read(ready[0], 1) == b"x"
    statuses = []
    while len(statuses) < 19:
        child, status = os.wait()
        children.remove(child)
        statuses.append(os.waitstatus_to_exitcode(status))
    assert statuses == [5] * 19
    # The kernel frees the lock of a killed holder at once.
    os.kill(children[0], signal.SIGKILL)
    os.waitpid(children[0], 0)
    with create_pack(path, COUNTED, resume=True) as writer:
        writer.add(label=1)
    assert len(open_pack(path)) == 1


def test_a_forked_worker_does_not_hold_the_lock(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    reading, writing = os.pipe()
    stop_reading, stop = os.pipe()

    def write_and_die() -> None:
        writer = create_pack(path, COUNTED)
        writer.add(label=1)
        worker = os.fork()
        if not worker:
            os.write(writing, b"x")
            os.read(stop_reading, 1)
            os._exit(0)
        os.read(reading, 1)
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(write_and_die) == -signal.SIGKILL
    try:
        with create_pack(path, COUNTED) as writer:
            writer.add(label=2)
    finally:
        os.write(stop, b"x")
    assert open_pack(path).column("label").tolist() == [2]


def test_what_is_no_pack_is_never_replaced(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photos{suffix}"
    path.mkdir()
    (path / "precious.jpg").write_bytes(b"x")
    (path / "data.mdb").write_bytes(b"x")
    with pytest.raises(UsageError, match="so it is not replaced; remove it yourself"):
        write_pack(path, 3, overwrite=True)
    assert sorted(os.listdir(path)) == ["data.mdb", "precious.jpg"]
    assert os.listdir(tmp_path) == [path.name]


def test_the_suffix_chooses_the_backend(tmp_path: Path) -> None:
    assert create_pack(tmp_path / "a.HDF5", COUNTED).backend == "hdf5"
    assert create_pack(tmp_path / "a.lmdb", COUNTED).backend == "lmdb"
    with pytest.raises(UsageError, match=r"use \.lmdb for an LMDB pack, \.h5 or \.hdf5"):
        create_pack(tmp_path / "a.zip", COUNTED)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"a": Scalar(dtype="O")}, "expected numbers or bool"),
        ({"a": Scalar(dtype="nonsense")}, "a type that NumPy does not know"),
        ({"a": Array(shape=(-1,))}, "expected whole numbers from 0 up"),
        ({"a": Array(shape=(0, 10**6))}, None),
        ({"a": Window(length=0, features=("x",))}, "which holds nothing"),
        ({"a": Window(length=3, features=())}, "which holds nothing"),
        ({"a": Image(codec="raw", shape=(0, 5))}, "which holds nothing"),
        ({"a": Image(codec="webp")}, "has codec 'webp'; expected one of"),  # type: ignore[arg-type]
        ({"a": Image(channels=2)}, "2 channels; expected 1 or 3"),  # type: ignore[arg-type]
        ({"m": Mask(), "a": DistanceMap(of="m", form="signed")}, "of no classes"),
        ({"manifest": Scalar()}, "is reserved"),
    ],
)
def test_schemas_that_cannot_be_stored(
    tmp_path: Path, suffix: str, schema: dict[str, Scalar], words: str | None
) -> None:
    if words is None:
        create_pack(tmp_path / f"a{suffix}", Schema(schema)).close()
        return
    with pytest.raises(UsageError, match=words):
        create_pack(tmp_path / f"a{suffix}", Schema(schema))
    assert not os.listdir(tmp_path)


def test_series_and_windows_must_fit(tmp_path: Path, suffix: str) -> None:
    schema = Schema({"window": Window(length=6, features=("a", "b", "c")), "label": Label()})
    with create_pack(tmp_path / f"a{suffix}", schema) as writer:
        with pytest.raises(UsageError, match="call set_series for window before adding"):
            writer.add(window=0, label=0)
        with pytest.raises(UsageError, match="no window field"):
            writer.set_series("label", SERIES)
        with pytest.raises(UsageError, match=r"shape \(500, 2\); expected \(rows, 3\)"):
            writer.set_series("window", SERIES[:, :2])
        writer.set_series("window", SERIES.astype(np.float64))
        with pytest.raises(UsageError, match="starts at row 495 and has 6 rows"):
            writer.add(window=495, label=0)
        writer.add(window=494, label=0)
    np.testing.assert_array_equal(open_pack(tmp_path / f"a{suffix}")[0].window, SERIES[494:])


def test_a_closed_writer_publishes_nothing(tmp_path: Path, suffix: str) -> None:
    with create_pack(tmp_path / f"a{suffix}", COUNTED) as writer:
        writer.add(label=1)
        writer.checkpoint()
        writer.close()
        with pytest.raises(UsageError, match="is closed; go on with resume=True"):
            writer.add(label=2)
    assert os.listdir(tmp_path) == [f"a{suffix}.partial"]


def test_a_resume_with_another_series_is_refused(tmp_path: Path, suffix: str) -> None:
    schema = Schema({"window": Window(length=6, features=("a", "b", "c"))})
    writer = create_pack(tmp_path / f"a{suffix}", schema)
    writer.set_series("window", SERIES)
    writer.add(window=3)
    writer.checkpoint()
    writer.close()
    writer = create_pack(tmp_path / f"a{suffix}", schema, resume=True)
    with pytest.raises(UsageError, match="differs from the one that"):
        writer.set_series("window", SERIES + 1)
    writer.close()
    with create_pack(tmp_path / f"a{suffix}", schema, resume=True) as writer:
        writer.set_series("window", SERIES)
        writer.add(window=4)
    assert open_pack(tmp_path / f"a{suffix}").starts("window").tolist() == [3, 4]


def test_samples_encoded_elsewhere(tmp_path: Path, suffix: str) -> None:
    schema = Schema({"image": Image(codec="jpeg", quality=90), "text": Text()})
    pixels = np.full((8, 9, 3), 77, np.uint8)
    encoded = again(encode_sample(schema, {"image": pixels, "text": "a"}, "a.png"))
    with create_pack(tmp_path / f"a{suffix}", schema) as writer:
        writer.append(encoded)
        writer.append(encode_sample(schema, {"image": encoded.fields["image"].data, "text": "b"}))
    with open_pack(tmp_path / f"a{suffix}") as pack:
        first, second = (bytes(data) for data in pack.records("image", [0, 1]))
        assert first == second == encoded.fields["image"].data
        assert pack[0].image.shape == (8, 9, 3) and abs(int(pack[0].image[0, 0, 0]) - 77) < 3


def test_truncated_images_stay_outside(tmp_path: Path, suffix: str) -> None:
    schema = Schema({"image": Image()})
    data = encode_sample(schema, {"image": np.zeros((40, 40, 3), np.uint8)}).fields["image"].data
    with create_pack(tmp_path / f"a{suffix}", schema) as writer, pytest.raises(InputError):
        writer.add("a.png", image=data[: len(data) // 2])


def test_sizes_of_one_sample_must_agree() -> None:
    schema = Schema({"small": Image(), "large": Image(), "mask": Mask(), "d": DistanceMap()})
    values = {
        "small": np.zeros((4, 5, 3), np.uint8),
        "large": np.zeros((8, 10, 3), np.uint8),
        "mask": np.zeros((8, 10), np.uint8),
        "d": np.zeros((8, 10), np.float32),
    }
    assert encode_sample(schema, values).fields["mask"].size == (8, 10)
    with pytest.raises(LabelError, match=r"d is \(4, 5\).*its mask is \(8, 10\)"):
        encode_sample(schema, values | {"d": np.zeros((4, 5), np.float32)})
    with pytest.raises(LabelError, match=r"mask is \(5, 5\).*\(4, 5\) or \(8, 10\)"):
        wrong = np.zeros((5, 5), np.uint8)
        encode_sample(schema, values | {"mask": wrong, "d": wrong.astype(np.float32)})


def test_reading_needs_neither_lmdb_nor_h5py(tmp_path: Path, suffix: str) -> None:
    path = write_pack(tmp_path / f"a{suffix}", 5)
    program = (
        "import sys; sys.path[:0] = [sys.argv[2]]\n"
        "sys.modules.update(lmdb=None, h5py=None, torch=None)\n"
        "from fastdata.packs import open_pack; from packsamples import digest\n"
        "print(digest(open_pack(sys.argv[1])))"
    )
    command = [sys.executable, "-W", "error", "-c", program, path, Path(__file__).parents[1]]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == digest(open_pack(path))


def test_a_killed_writer_leaves_no_lock(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"

    def write_and_die() -> None:
        create_pack(path, COUNTED).add(label=1)
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(write_and_die) == -signal.SIGKILL
    assert partial_of(path).is_dir()
    with create_pack(path, COUNTED) as writer:
        writer.add(label=2)
    assert os.listdir(tmp_path) == [path.name]
