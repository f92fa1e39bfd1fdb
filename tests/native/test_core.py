"""FASTDATA_NATIVE chooses the core, and says so when it cannot."""

import pytest

from fastdata.errors import UsageError
from fastdata.native import core, twin


@pytest.mark.parametrize("choice", [None, "", "auto", "off"])
def test_the_twin_serves_where_no_core_is_compiled(choice, monkeypatch):
    monkeypatch.delenv("FASTDATA_NATIVE", raising=False)
    if choice is not None:
        monkeypatch.setenv("FASTDATA_NATIVE", choice)
    assert core() is twin
    assert core().NAME == "pillow twin"


def test_requiring_a_core_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv("FASTDATA_NATIVE", "require")
    with pytest.raises(UsageError, match="no compiled core; set it to 'auto'"):
        core()


def test_other_words_are_refused(monkeypatch):
    monkeypatch.setenv("FASTDATA_NATIVE", "yes")
    with pytest.raises(UsageError, match="'yes'; expected one of auto, require, off"):
        core()
