"""What happens inside the workers of a script that was never written for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from profiled import TRAIN, loop, profile

from fastdata.profiling.record import Stage, Workers

pytestmark = pytest.mark.alone

FILES = """
class Compose:
    def __init__(self, transforms):
        self.transforms = transforms
    def __call__(self, value):
        for transform in self.transforms:
            value = transform(value)
        return value

class Shrink:
    def __call__(self, picture):
        return picture.resize((2, 2))

def average(picture):
    time.sleep(0.002)
    return torch.tensor(sum(picture.tobytes()) / 4 / 255).expand(8)

class Photos(Dataset):
    def __init__(self, folder):
        self.files = sorted(folder.iterdir())
        self.transform = Compose([Shrink(), average])
    def __len__(self):
        return 4 * BATCHES
    def __getitem__(self, index):
        if index == 33:
            time.sleep(0.1)
        with open(self.files[index % len(self.files)], "rb") as file:
            picture = Image.open(file).convert("L")
        return self.transform(picture), index % 2
"""

SETUP = f"""
from pathlib import Path
from PIL import Image
{FILES}
dataset = Photos(Path(sys.argv[1]))
WORKERS = int(sys.argv[2])
"""


def stage(workers: Workers, name: str, operation: str = "") -> Stage:
    (found,) = (one for one in workers.stages if (one.name, one.operation) == (name, operation))
    return found


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"photo-{number}.jpg")
    return folder


@pytest.mark.parametrize("workers", [0, 2])
def test_stages_operations_and_slow_samples(tmp_path: Path, photos: Path, workers: int) -> None:
    done = profile(tmp_path, loop(TRAIN, setup=SETUP), str(photos), str(workers))
    assert done.ended.code == 0, done.ended.err
    seen = done.profile.workers
    assert len(seen.lanes) == (workers or 1)
    assert sum(lane.batches for lane in seen.lanes) == 30
    for name in ("read", "decode", "other"):
        assert stage(seen, name).total_seconds > 0
    assert stage(seen, "decode").count == 240  # opened and loaded, each of 120 samples
    assert stage(seen, "collate").count == 30
    assert (stage(seen, "hand_over").count if workers else 30) == 30
    assert stage(seen, "transform", "Shrink").count == 120
    # A function on the training thread stays as the script made it.
    if workers:
        assert 0.002 <= stage(seen, "transform", "average").seconds_per_sample < 0.02  # type: ignore[operator]
    slowest = seen.slowest[0]
    assert (slowest.index, Path(slowest.name).name) == (33, "photo-3.jpg")
    assert slowest.seconds >= 0.1 and len(seen.slowest) == 2
    for lane in seen.lanes:
        assert lane.segments and lane.busy_seconds <= lane.wall_seconds * 1.1


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_that_are_no_forks_are_seen(tmp_path: Path, photos: Path, method: str) -> None:
    (tmp_path / "photos_module.py").write_text(
        "import time, torch\nfrom PIL import Image\nfrom torch.utils.data import Dataset\n"
        f"BATCHES = 30\n{FILES}"
    )
    script = f"""
import sys, torch
from pathlib import Path
from torch.utils.data import DataLoader
from photos_module import Photos

if __name__ == "__main__":
    torch.set_num_threads(1)
    net = torch.nn.Linear(8, 2)
    opt = torch.optim.SGD(net.parameters(), lr=0.01)
    loader = DataLoader(
        Photos(Path(sys.argv[1])), 4, num_workers=2, multiprocessing_context="{method}"
    )
    for x, y in loader:
        net(x).sum().backward()
        opt.step()
"""
    done = profile(tmp_path, script, str(photos))
    assert done.ended.code == 0, done.ended.err
    assert [lane.batches for lane in done.profile.workers.lanes] == [15, 15]
    assert stage(done.profile.workers, "decode").count == 240


FASTLOADER = """
import sys, torch
from fastdata import FastLoader
from fastdata.transforms import RandomResizedCrop, ToFloat

torch.set_num_threads(1)
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 2))
opt = torch.optim.SGD(net.parameters(), lr=0.01)
loader = FastLoader(sys.argv[1], 1, num_workers=int(sys.argv[2]), fields=["image"],
                    transforms=[RandomResizedCrop(16), ToFloat()])
for _ in range(6):
    for (x,) in loader:
        net(x).sum().backward()
        opt.step()
"""


@pytest.mark.parametrize(("threads", "lane"), [(0, "training thread"), (1, "fastdata-producer")])
def test_the_engine_of_fastloader_is_seen(
    tmp_path: Path, photos: Path, threads: int, lane: str
) -> None:
    from fastdata import convert

    convert(photos, tmp_path / "photos.lmdb")
    done = profile(tmp_path, FASTLOADER, str(tmp_path / "photos.lmdb"), str(threads))
    assert done.ended.code == 0, done.ended.err
    assert done.profile.loader is not None
    assert (done.profile.loader.kind, done.profile.loader.engine) == ("FastLoader", "cpu")
    assert [one.name for one in done.profile.workers.lanes] == [lane]
    seen = done.profile.workers
    for name in ("read", "crc", "decode", "resize", "collate"):
        assert stage(seen, name).total_seconds > 0
    # A thread has begun with the next epoch when the script ends.
    made = seen.lanes[0].samples
    assert stage(seen, "decode").count == made
    assert made == 30 if threads == 0 else made in (30, 31, 32)
    whole = [one for one in seen.stages if not one.operation]
    assert sum(one.total_seconds for one in whole) == pytest.approx(seen.lanes[0].busy_seconds)
    # One slow sample of 30, by the file that it was packed from.
    (slowest,) = seen.slowest
    assert slowest.index in range(5) and slowest.name == f"photo-{slowest.index}.jpg"
    assert seen.reading is not None and seen.reading.asked_bytes > 30 * 1000
