"""FASTDATA_NATIVE chooses the core, and says so when it cannot."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastdata.cores import core, twin
from fastdata.errors import UsageError
from fastdata.native import extension
from fastdata.philox import uniform


@pytest.fixture
def without_a_compiled_core(monkeypatch):
    monkeypatch.setattr(extension, "_core", None)
    monkeypatch.setattr(extension, "_missing", "No module named 'fastdata.native._core'", False)


def choose(monkeypatch, choice):
    monkeypatch.delenv("FASTDATA_NATIVE", raising=False)
    if choice is not None:
        monkeypatch.setenv("FASTDATA_NATIVE", choice)


@pytest.mark.parametrize("choice", [None, "", "auto", "off"])
@pytest.mark.usefixtures("without_a_compiled_core")
def test_the_twin_serves_where_no_core_is_compiled(choice, monkeypatch):
    choose(monkeypatch, choice)
    assert core() is twin
    assert core().NAME == "pillow twin"


@pytest.mark.usefixtures("without_a_compiled_core")
def test_requiring_a_core_that_is_not_there_is_refused(monkeypatch):
    choose(monkeypatch, "require")
    with pytest.raises(
        UsageError, match=r"has no compiled core .*C\+\+ compiler and the headers of libjpeg"
    ):
        core()


@pytest.mark.skipif(extension._core is None, reason="no compiled core in this installation")
@pytest.mark.parametrize("choice", [None, "", "auto", "require"])
def test_the_compiled_core_serves_where_there_is_one(choice, monkeypatch):
    choose(monkeypatch, choice)
    assert core().NAME.startswith("native (libjpeg-turbo ")


def test_the_compiled_core_can_be_switched_off(monkeypatch):
    choose(monkeypatch, "off")
    assert core() is twin


def test_other_words_are_refused(monkeypatch):
    choose(monkeypatch, "yes")
    with pytest.raises(UsageError, match="'yes'; expected one of auto, require, off"):
        core()


@settings(deadline=None)
@given(
    seed=st.integers(-(2**70), 2**70),
    epoch=st.integers(0, 2**40),
    indices=st.lists(st.integers(0, 2**63 - 1), max_size=9),
    operation=st.integers(0, 65535),
    count=st.integers(1, 23),
)
def test_every_core_draws_the_same_numbers(seed, epoch, indices, operation, count):
    wanted = np.array(indices, np.int64)
    drawn = core().uniform(seed, epoch, wanted, operation, count)
    np.testing.assert_array_equal(drawn, uniform(seed, epoch, wanted, operation, count))


def test_numbers_that_no_counter_can_hold_are_refused():
    with pytest.raises(ValueError, match="operation 65536"):
        core().uniform(0, 0, np.array([1]), 65536, 1)
