"""Functions are put around others, lifted for a while, and taken away without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from fastdata.profiling.hooks.patches import Layer, put_around


class Base:
    def name(self) -> str:
        return "plain"


class Derived(Base):
    pass


def marked(mark: str) -> Any:
    def around(original: Any) -> Any:
        def name(self: Any) -> str:
            return f"{mark} {original(self)}"

        return name

    return around


@pytest.fixture(params=[Base, Derived], ids=["own", "inherited"])
def owner(request: pytest.FixtureRequest) -> Iterator[type[Base]]:
    before = dict(vars(request.param))
    yield request.param
    assert dict(vars(request.param)) == before


def test_a_layer_is_laid_and_lifted_and_leaves_nothing(owner: type[Base]) -> None:
    layer = Layer()
    with ExitStack() as undo:
        layer.put_around(owner, "name", marked("timed"), undo=undo)
        assert layer.has(owner, "name") and owner().name() == "timed plain"
        layer.lay(False)
        assert owner().name() == "plain"
        layer.lay(True)
        assert owner().name() == "timed plain"
        layer.lay(False)
    assert not layer.has(owner, "name")


def test_something_lighter_stands_there_meanwhile(owner: type[Base]) -> None:
    layer = Layer()
    with ExitStack() as undo:
        layer.put_around(owner, "name", marked("timed"), undo=undo, lifted=marked("noted"))
        layer.lay(False)
        assert owner().name() == "noted plain"


def test_what_is_put_around_later_is_laid_with_the_others() -> None:
    layer = Layer()
    with ExitStack() as undo:
        layer.put_around(Base, "name", marked("timed"), undo=undo)
        layer.lay(False)
        layer.put_around(Derived, "name", marked("second"), undo=undo)
        assert Derived().name() == "second timed plain" and Base().name() == "timed plain"


def test_what_somebody_else_has_put_there_stays() -> None:
    class Owner(Base):
        pass

    layer = Layer()
    with ExitStack() as undo:
        layer.put_around(Owner, "name", marked("timed"), undo=undo)
        put_around(Owner, "name", marked("theirs"), undo=ExitStack())
        layer.lay(False)
        layer.lay(True)
    assert Owner().name() == "theirs timed plain"
