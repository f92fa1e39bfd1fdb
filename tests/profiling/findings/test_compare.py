"""Two profiles are judged by how sure their figures are; the exit code says which way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import Ended, one_after_another, run
from profiles import compute_bound, data_bound, incomplete

from fastdata.profiling import Profile, write_profile
from fastdata.profiling.findings.compare import compare
from fastdata.profiling.record import Estimate, RankFigures


def with_step(seconds: float, *, spread: float = 0.01) -> Profile:
    """The compute-bound profile with other times of a step, and no wait at all."""
    made = compute_bound()
    scale = seconds / made.wall_seconds
    return dataclasses.replace(
        made,
        wall_seconds=seconds,
        rows={name: value * scale for name, value in made.rows.items()},
        step_seconds=Estimate(
            median=seconds, low=seconds * (1 - spread), high=seconds * (1 + spread)
        ),
    )


def machine(**changes: Any) -> Profile:
    made = compute_bound()
    return dataclasses.replace(made, machine=dataclasses.replace(made.machine, **changes))


def loader(**changes: Any) -> Profile:
    made = compute_bound()
    assert made.loader is not None
    return dataclasses.replace(made, loader=dataclasses.replace(made.loader, **changes))


RANK = RankFigures(
    rank=0, pid=7, steps=400, step_seconds=Estimate(median=0.1, low=0.1, high=0.1),
    exposed_share=None, own_seconds=None,
)  # fmt: skip


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., Ended]:
    def compare_files(before: Profile, after: Profile, *options: str) -> Ended:
        paths = [tmp_path / "before.json", tmp_path / "after.json"]
        for profile, path in zip((before, after), paths, strict=True):
            write_profile(profile, path)
        return run("profile", "--compare", *paths, *options)

    return compare_files


def test_the_same_is_fine(told: Callable[..., Ended]) -> None:
    done = told(with_step(0.100), with_step(0.102))
    assert done.code == 0, done.err
    assert done.text.startswith(
        "No regression: a step +2.0% (+0.6 to +3.5; 100 ms -> 102 ms); exposed wait +0.0 points"
    )


def test_a_slower_step_is_a_regression(told: Callable[..., Ended]) -> None:
    done = told(with_step(0.100), with_step(0.110))
    assert done.code == 2
    assert done.text.startswith("Regression: a step +10.0%")
    assert told(with_step(0.100), with_step(0.110), "--max-regress", "12%").code == 0


def test_more_exposed_wait_is_a_regression_even_if_the_step_is_not_longer(
    told: Callable[..., Ended],
) -> None:
    slow = data_bound()
    step = Estimate(median=slow.wall_seconds, low=slow.wall_seconds, high=slow.wall_seconds)
    busy = dataclasses.replace(
        compute_bound(), steps=slow.steps, wall_seconds=slow.wall_seconds, step_seconds=step,
        rows={**slow.rows, "exposed_data_wait": 0.0,
              "forward": slow.rows["forward"] + slow.rows["exposed_data_wait"]},
        exposed_share=0.0, exposed_share_low=0.0, exposed_share_high=0.0,
    )  # fmt: skip
    done = told(busy, dataclasses.replace(slow, step_seconds=step))
    assert done.code == 2
    assert "exposed wait +43.2 points of a step" in done.text


def test_what_cannot_be_told_apart_is_too_noisy(told: Callable[..., Ended]) -> None:
    done = told(with_step(0.100, spread=0.2), with_step(0.104, spread=0.2))
    assert done.code == 4
    assert done.text.startswith("Too noisy to tell")


@pytest.mark.parametrize(
    ("after", "spread", "outcome"),
    [
        (0.104, 0.01, "fine"),  # 5 % lies within both intervals, and these are narrow
        (0.106, 0.01, "regression"),
        (0.104, 0.05, "too noisy"),
        (0.106, 0.05, "too noisy"),
    ],
)
def test_near_the_threshold_the_width_of_the_interval_decides(
    after: float, spread: float, outcome: str
) -> None:
    before = with_step(0.100, spread=spread)
    assert compare(before, with_step(after, spread=spread), max_regress=0.05).outcome == outcome


def test_noise_hides_no_large_change() -> None:
    assert compare(
        with_step(0.1, spread=0.2), with_step(0.3, spread=0.2), max_regress=0.05
    ).outcome == "regression"  # fmt: skip
    assert compare(
        with_step(0.3, spread=0.2), with_step(0.1, spread=0.2), max_regress=0.05
    ).outcome == "fine"  # fmt: skip


UNLIKE = [
    (machine(host="trainer-4"), "host trainer-3 before, trainer-4 after"),
    (machine(cores=4), "cores 8 before, 4 after"),
    (machine(device_name="NVIDIA L4"), "device name NVIDIA A10G before, NVIDIA L4 after"),
    (loader(batch_size=64), "loader batch size 32 before, 64 after"),
    (loader(dataset="Photos"), "loader dataset ImageFolder before, Photos after"),
    (compute_bound(loader=None), "a loader was seen in one of them only"),
    (compute_bound(samples_per_step=64.0), "samples a step 32.0 before, 64.0 after"),
    (compute_bound(steps=200), "steps 400 before, 200 after"),
    (compute_bound(clock="cpu"), "clock cuda before, cpu after"),
    (compute_bound(ranks=(RANK, RANK)), "ranks 1 before, 2 after"),
    (incomplete(), "the second has no steps (INCOMPLETE: no optimizer step was seen)"),
]


def test_unlike_runs_are_not_comparable(tmp_path: Path) -> None:
    write_profile(compute_bound(), tmp_path / "before.json")
    commands = []
    for number, (after, _) in enumerate(UNLIKE):
        write_profile(after, tmp_path / f"{number}.json")
        commands.append(
            ("profile", "--compare", tmp_path / "before.json", tmp_path / f"{number}.json")
        )
    done = run(line=one_after_another(*commands, codes=[3] * len(UNLIKE)))
    assert done.code == 0, done.err
    said = done.text.split("The profiles are not comparable: ")[1:]
    for text, (_, what) in zip(said, UNLIKE, strict=True):
        assert what in text


def test_another_schema_is_not_comparable(told: Callable[..., Ended], tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    old.write_text('{"schema_version": 0}', encoding="utf-8")
    write_profile(compute_bound(), tmp_path / "new.json")
    done = run("profile", "--compare", old, tmp_path / "new.json")
    assert done.code == 3
    assert "old.json has schema_version 0; this fastdata reads 3" in done.err.decode()


def test_a_folder_stands_for_its_report(tmp_path: Path) -> None:
    for name in ("before", "after"):
        write_profile(compute_bound(), tmp_path / name / "report.json")
    assert run("profile", "--compare", tmp_path / "before", tmp_path / "after").code == 0


def test_hosts_alike_are_compared_when_asked(told: Callable[..., Ended]) -> None:
    assert told(compute_bound(), machine(host="ci-17"), "--across-hosts").code == 0


def test_settings_are_judged_and_named(told: Callable[..., Ended]) -> None:
    done = told(compute_bound(), loader(workers=4))
    assert done.code == 0
    assert "also differs: workers 2 before, 4 after" in done.text


def test_json_holds_the_whole_comparison(told: Callable[..., Ended]) -> None:
    found = told(with_step(0.100), with_step(0.110), "--json").json
    assert found["outcome"] == "regression"
    assert found["changes"][0]["name"] == "step_seconds"
    assert found["changes"][0]["change"]["median"] == pytest.approx(0.1)
    assert found["max_regress"] == 0.05


def test_a_threshold_is_a_percentage() -> None:
    wrong = [f"--max-regress={percent}" for percent in ("5", "0%", "-5%", "much", "nan%")]
    commands = [("profile", "--compare", "a.json", "b.json", option) for option in wrong]
    done = run(line=one_after_another(*commands, codes=[2] * len(wrong)))
    assert (done.code, len(done.lines)) == (0, len(wrong)), done.err
    assert all("expected a percentage above 0, such as 5%" in line for line in done.lines)


def test_compare_runs_nothing(tmp_path: Path) -> None:
    done = run("profile", "--compare", "a.json", "b.json", "--", "train.py")
    assert done.code == 2
    assert "--compare runs no command" in done.err.decode()
