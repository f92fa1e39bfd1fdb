"""The card fits its console, adds up, and ends with what to type next."""

from __future__ import annotations

import dataclasses
import re

import pytest
from profiles import compute_bound, data_bound, incomplete
from rich.cells import cell_len

from fastdata.profiling import Profile
from fastdata.profiling.record import (
    ROWS,
    Estimate,
    RankFigures,
    SlowSample,
    SyncSite,
    Verdict,
    WhatIf,
    Workers,
)
from fastdata.profiling.rendering.card import card_lines
from fastdata.profiling.rendering.lines import bar, shorten, wrap

HARD = "数据😀\x1b[31m\n" + "/very/long" * 20 + "/最后.jpg"


def card(profile: Profile, *, columns: int = 80, ascii_only: bool = False) -> list[str]:
    lines = card_lines(profile, columns=columns, ascii_only=ascii_only)
    return ["".join(span.text for span in line).rstrip() for line in lines]


def hard() -> Profile:
    """Names of everything long, wide and full of control characters."""
    made = data_bound()
    stages = tuple(
        dataclasses.replace(one, operation=one.operation and HARD) for one in made.workers.stages
    )
    slowest = (SlowSample(index=None, name=HARD, seconds=0.2, worker=HARD),)
    what_if = WhatIf(
        name=HARD,
        kind="measured",
        how=HARD,
        step_seconds=Estimate(median=0.1, low=0.1, high=0.1),
        now_seconds=0.1,
    )
    return dataclasses.replace(
        made,
        workers=dataclasses.replace(made.workers, stages=stages, slowest=slowest),
        syncs=(SyncSite(file=HARD, line=1, call=HARD, count=3, seconds=0.1),),
        what_if=(what_if,),
        notes=(HARD,),
        verdict=Verdict(
            kind="data-bound", sentence=HARD, next_command=HARD, evidence=(HARD,), missing=(HARD,)
        ),
    )


PROFILES = {
    "data": data_bound(),
    "compute": compute_bound(),
    "incomplete": incomplete(),
    "no workers": data_bound(workers=Workers()),
    "hard": hard(),
}


@pytest.mark.parametrize("columns", [20, 60, 80, 100, 300])
@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_no_line_is_wider_than_the_console(profile: Profile, columns: int) -> None:
    lines = card(profile, columns=columns)
    # The next command stands whole on its line, to be copied.
    folded = [line for line in lines if not line.startswith("next")]
    assert max(map(cell_len, folded)) <= min(max(columns, 60), 100)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_nothing_controls_the_terminal(profile: Profile) -> None:
    for line in card(profile):
        assert "\x1b" not in line
        assert "\n" not in line


def test_ascii_consoles_get_ascii() -> None:
    text = "\n".join(card(data_bound(), ascii_only=True))
    assert text.isascii()
    assert "#####" in text


def test_rows_add_up_to_the_step() -> None:
    lines = card(data_bound())
    first = next(
        at for at, line in enumerate(lines) if "waiting for data" in line and " ms" in line
    )
    last = next(at for at, line in enumerate(lines) if line.startswith("  one step"))
    times = [
        float(re.findall(r"([\d.]+) ms", line)[0]) for line in lines[first : first + len(ROWS)]
    ]
    assert sum(times) == pytest.approx(float(re.findall(r"([\d.]+) ms", lines[last])[0]), abs=0.04)
    assert "100.0%" in lines[last]


def test_the_verdict_leads_and_the_next_command_ends() -> None:
    lines = card(data_bound())
    assert lines[0] == "data-bound"
    assert lines[1].startswith("43.2 % of each step")
    assert lines[-1] == "next  fastdata convert photos/ photos.lmdb --resize shortest:256"


def test_predictions_say_how_they_are_known() -> None:
    (line,) = [line for line in card(data_bound(), columns=100) if "4 workers instead" in line]
    assert re.search(r"54\.6 ms +-42% +\(53\.6 ms to 63\.1 ms\) +modelled$", line)


def test_a_prediction_is_named_whole() -> None:
    name = "with the whole batch already there, beside a running loader"
    first = data_bound().what_if[0]
    made = data_bound(what_if=(dataclasses.replace(first, name=name),))
    for columns in (60, 80, 100):
        assert name in " ".join(line.strip() for line in card(made, columns=columns))


def test_the_rank_that_holds_up_the_others_leads() -> None:
    ranks = tuple(
        RankFigures(
            rank=rank, pid=rank, steps=400, exposed_share=0.1, own_seconds=own,
            step_seconds=Estimate(median=0.1, low=0.1, high=0.1),
        )
        for rank, own in enumerate((0.02, 0.03, None, 0.09, 0.01, 0.04))
    )  # fmt: skip
    lines = card(data_bound(ranks=ranks))
    at = next(number for number, line in enumerate(lines) if line.startswith("ranks"))
    assert lines[at + 1].split() == ["rank", "3", "100", "ms", "10.0%", "90.0", "ms"]
    assert lines[at + 5] == "  and 2 with less work of their own"


def test_an_incomplete_profile_shows_what_is_missing_and_no_zeros() -> None:
    text = "\n".join(card(incomplete()))
    assert text.startswith("INCOMPLETE: no optimizer step was seen.")
    assert "  - the command ended by signal 15 before its first step" in text
    assert "0.0" not in text


def test_waits_for_the_gpu_are_named_by_line() -> None:
    text = "\n".join(card(data_bound()))
    assert "Tensor.item at train.py:41" in text
    assert "waits for the GPU" not in "\n".join(card(data_bound(syncs=None)))


def test_the_end_of_a_path_stays() -> None:
    assert shorten("photos/val/1.jpg", 9, ascii_only=False, is_path=True) == "…al/1.jpg"
    assert shorten("RandomResizedCrop", 9, ascii_only=True) == "Random..."
    assert shorten("数据数据数据", 8, ascii_only=False) == "数据数… "


def test_words_longer_than_a_line_are_broken() -> None:
    assert list(wrap("ab cdefgh i", 3)) == ["ab", "cde", "fgh", "i"]
    assert list(wrap("", 3)) == []


def test_a_small_share_is_seen() -> None:
    assert [bar(share, 10, ascii_only=False) for share in (0.0, 0.01, 0.5, 1.0)] == [
        "", "▌", "█████", "█" * 10,
    ]  # fmt: skip
    assert [bar(share, 10, ascii_only=True) for share in (0.0, 0.01, 1.0)] == ["", "#", "#" * 10]
