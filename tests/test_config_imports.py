"""What a config may name of Python, and what is refused before it is imported."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastdata.config import (
    Target,
    build,
    import_from,
    import_target,
)
from fastdata.errors import UsageError

TRICKS = """\
import functools, operator, os, types
from os import system
import torch, yaml
from yaml import unsafe_load as net

shell = functools.partial(os.system, "true")
twice = functools.partial(functools.partial(os.system), "true")
bound = types.MethodType(os.system, "true")
again = functools.lru_cache(os.system)
caller = operator.methodcaller("unlink")
text = "true".format

class Box:
    run = os.system
    remove = staticmethod(os.unlink)

def own(size=1):
    return size

own_partly = functools.partial(own, size=2)
own_cached = functools.lru_cache(own)

class Called:
    def __call__(self):
        return 3

    @classmethod
    def made(cls):
        return cls()

called = Called()
ready = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the user's modules, which nothing else finds afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    folder = tmp_path / "mödules"
    folder.mkdir()
    (folder / "own_nets.py").write_text(
        "import torch\nclass Net(torch.nn.Linear):\n    width = 3\n"
        "def fails(**given):\n    raise RuntimeError('no weights')\n",
        encoding="utf-8",
    )
    (folder / "own_broken.py").write_text("def f(:\n", encoding="utf-8")
    (folder / "own_tricks.py").write_text(TRICKS, encoding="utf-8")
    import_from(folder)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith("own_"):
            del sys.modules[name]


@pytest.mark.usefixtures("modules")
def test_what_a_config_names_is_imported_from_its_folder() -> None:
    net = build(Target(path="own_nets:Net", args={"in_features": 2, "out_features": 3}), key="m")
    assert net.weight.shape == (3, 2)


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("own_missing:Net", r"m: cannot import 'own_missing' \(ModuleNotFoundError"),
        ("own_broken:Net", r"cannot import 'own_broken' \(SyntaxError: .*own_broken.py, line 1"),
        ("own_nets:Nett", "own_nets has no 'Nett'; did you mean 'Net'"),
        ("own_nets:Net.width", "is a int; expected a class or a function"),
        ("own_nets:Net", r"own_nets:Net\(\) failed \(TypeError"),
        ("own_nets:fails", r"\(RuntimeError: no weights, own_nets.py:5\)"),
    ],
)
def test_what_cannot_be_imported_or_called_is_one_line(path: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        build(Target(path=path), key="m")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "path",
    [
        "builtins:exec",
        "os:system",
        "os.path:join",
        "subprocess:Popen",
        "pathlib:Path.unlink",
        "functools:partial",
        "idlelib.idle:main",  # opens a window when it is imported; Debian leaves it out
        "__main__:__loader__.exec_module",
    ],
)
def test_a_module_of_python_itself_is_refused_before_it_is_imported(path: str) -> None:
    with pytest.raises(UsageError, match=r"^m: '.*' is a module of Python itself, .* may not call"):
        build(Target(path=path), key="m")
    assert "idlelib.idle" not in sys.modules


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("yaml:unsafe_load", "yaml.unsafe_load"),
        ("numpy:load", "numpy.load"),
        ("torch:load", "torch.serialization.load"),
        ("torch.hub:load", "torch.hub.load"),
        ("torch.hub:os.system", "posix.system"),
        ("torch.nn:Module.load_state_dict", "torch.nn.modules.module.Module.load_state_dict"),
        ("torch:Tensor.numpy", "torch._C.TensorBase"),
        ("torch.utils.data:DataLoader", "torch.utils.data.dataloader.DataLoader"),
        ("fastdata:convert", "fastdata.converters"),
        ("fastdata.config:build", "fastdata.config.targets.build"),
        ("own_tricks:os.system", "posix.system"),
        ("own_tricks:system", "posix.system"),
        ("own_tricks:shell", "posix.system"),
        ("own_tricks:twice", "posix.system"),
        ("own_tricks:bound", "posix.system"),
        ("own_tricks:again", "posix.system"),
        ("own_tricks:Box.run", "posix.system"),
        ("own_tricks:Box.remove", "posix.unlink"),
        ("own_tricks:caller", "operator.methodcaller"),
        ("own_tricks:text", "builtins.str.format"),
        ("own_tricks:net", "yaml.unsafe_load"),
        ("own_tricks:functools.partial", "functools.partial"),
    ],
)
@pytest.mark.usefixtures("modules")
def test_what_counts_is_where_a_function_was_defined(path: str, origin: str) -> None:
    said = (
        f"^m: {re.escape(path)} leads to {re.escape(origin)}.*; a config may call your own modules"
    )
    with pytest.raises(UsageError, match=said) as caught:
        build(Target(path=path), key="m")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("modules")
def test_nothing_that_is_refused_has_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    bomb = {"command": f"touch {canary}"}
    for path in ("os:system", "own_tricks:system", "own_tricks:Box.run", "own_tricks:again"):
        with pytest.raises(UsageError):
            build(Target(path=path, args=bomb), key="m")
    assert not canary.exists()


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize(
    ("path", "args"),
    [
        ("own_tricks:own", {}),
        ("own_tricks:own_partly", {}),
        ("own_tricks:own_cached", {}),
        ("own_tricks:called", {}),
        ("own_tricks:Called.made", {}),
        ("own_tricks:torch.nn.Linear", {"in_features": 2, "out_features": 3}),
        ("torch.nn:CrossEntropyLoss", {}),
        ("torch.utils.data:StackDataset", {"image": [1]}),
    ],
)
def test_own_functions_and_classes_of_models_and_data_are_called(
    path: str, args: dict[str, Any]
) -> None:
    assert build(Target(path=path, args=args), key="m") is not None


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize(
    "path",
    ["torch.nn.functional:mse_loss", "torch.optim:SGD", "fastdata:open_pack", "own_tricks:ready"],
)
def test_functions_of_losses_and_packs_may_be_named(path: str) -> None:
    assert callable(import_target(Target(path=path), key="m"))
