"""The YAML of a training run: what is refused, how it is told, and what it becomes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastdata.config import (
    PRESETS,
    Document,
    RunConfig,
    Target,
    build,
    build_transforms,
    check,
    import_from,
    import_target,
    read_document,
    with_overrides,
    with_preset,
)
from fastdata.errors import UsageError
from fastdata.training import OptimizerConfig
from fastdata.transforms import HorizontalFlip, Normalize, RandomCrop, ToFloat

WHOLE = """\
model: {path: "nets:Net", args: {classes: 2}}
loss: torch.nn:CrossEntropyLoss
data:
  train: photos.lmdb
  batch_size: 16
optimizer: {lr: 1e-3}
training:
  epochs: 2
"""


def read(tmp_path: Path, text: str | bytes) -> Document:
    path = tmp_path / "train.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return read_document(path)


def refused(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(UsageError) as caught:
        check(read(tmp_path, text))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def values(**changes: Any) -> RunConfig:
    whole = {"model": "nets:Net", "loss": "torch.nn:MSELoss", "data": {"train": "a.h5"}}
    return check(Document("x.yaml", whole | changes, {}))


def test_a_config_becomes_settings(tmp_path: Path) -> None:
    config = check(read(tmp_path, WHOLE))
    assert config.model == Target(path="nets:Net", args={"classes": 2})
    assert config.loss == Target(path="torch.nn:CrossEntropyLoss")
    assert (config.data.batch_size, config.data.num_workers) == (16, "auto")
    # YAML reads 1e-3 as text, which nobody means.
    assert config.optimizer == OptimizerConfig(lr=1e-3)
    assert config.training.epochs == 2


def test_sections_may_be_imported_or_named() -> None:
    config = values(
        optimizer={"path": "torch.optim:RMSprop", "args": {"lr": 0.1}},
        metrics={"land": {"kind": "classification", "classes": 3, "output": 0, "target": 0}},
    )
    assert isinstance(config.optimizer, Target)
    assert isinstance(config.metrics, dict) and config.metrics["land"].classes == 3


def test_every_fault_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    said = refused(
        tmp_path,
        WHOLE
        + """\
  epoch: 3
  log_interval: 0
  eval_interval: soon
data_: 1
""".replace("data_", "dat")
        + "metrics: {kind: classify}\n",
    )
    told = said.split("; train.yaml:")
    assert "train.yaml:9: unknown key training.epoch; did you mean 'epochs'?" in said
    assert "10: training.log_interval=0; expected a whole number from 1" in told
    assert any(part.startswith("11: training.eval_interval='soon'") for part in told)
    assert "12: unknown key dat; did you mean 'data'?" in told
    assert any(part.startswith("13: metrics.kind") for part in told)
    assert len(told) == 5


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ("{a: {kind: classify}}", "metrics.a.kind is 'classify'; input should be 'classification'"),
        ("{a: {kind: segmentation}}", "metrics.a.classes=None; expected a whole number from 2"),
        ("{a: {path: C}}", "metrics.a.path is 'C'; expected package.module:Name"),
    ],
)
def test_a_metric_is_told_its_own_fault_alone(tmp_path: Path, metrics: str, said: str) -> None:
    told = refused(tmp_path, f"{WHOLE}metrics: {metrics}\n")
    assert f"train.yaml:9: {said}" in told
    assert told.count("train.yaml:") == 1


def test_settings_are_not_told_what_an_import_would_need(tmp_path: Path) -> None:
    said = refused(tmp_path, WHOLE.replace("1e-3", "fast"))
    assert "train.yaml:6: optimizer.lr is 'fast'; input should be a valid number" in said
    assert "path" not in said and "extra" not in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("data: {train: a.h5, batch_sise: 3}", "data.batch_sise; did you mean 'batch_size'?"),
        ("data: {train: a.h5, num_workers: many}", "data.num_workers is 'many'"),
        ("data: {train: a.h5, val_share: 1}", "data.val_share is 1; input should be less than 1"),
        ("data: {train: a.h5, val: b.h5, val_share: 0.1}", "leave it or val out"),
        ("data: {batch_size: 3}", "data.train is missing"),
        ("optimizer: {name: adamv}", "optimizer.name"),
        ("optimizer: {path: torch.optim.SGD}", "expected package.module:Name"),
        ("model: nets.Net", "model is 'nets.Net'; expected package.module:Name"),
        ("model: {path: 'a:b', arg: {}}", "unknown key model.arg; did you mean 'args'?"),
        ("step: nets:step", "expected either loss, for batches of (input, target), or step"),
        ("metrics: {a: {knd: regression}}", "metrics.a.knd; did you mean 'kind'?"),
        ("metrics: {a: {path: 'b:C', arg: {}}}", "metrics.a.arg; did you mean 'args'?"),
        ("metrics: accuracy", "metrics is 'accuracy'; expected settings such as {kind: regress"),
    ],
)
def test_a_wrong_value_names_its_key(tmp_path: Path, line: str, said: str) -> None:
    whole = {
        "model": "model: nets:Net",
        "loss": "loss: torch.nn:MSELoss",
        "data": "data: {train: a.h5}",
    }
    whole[line.split(":", 1)[0]] = line
    assert said in refused(tmp_path, "\n".join(whole.values()))


BOMB = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abc", "bcd", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "train.yaml:1: anchors and aliases are not read"),
        ("a: " + "[" * 51 + "]" * 51, "deeper than 50"),
        ("[" * 100_000, "deeper than 50"),
        ("a: " + "x" * 1_000_001, "more than 1,000,000 bytes"),
        ("a: " + "9" * 10_000, "not YAML"),
        ("a: 1\nb: [1, 2\n", "train.yaml:3: is not YAML"),
        ("a: 1\na: 2\n", "train.yaml:2: the key 'a' comes twice"),
        ("a: !!python/object/apply:os.system [exit]", "train.yaml:1: is not YAML"),
        ("- a\n- b\n", "holds a list; expected a mapping"),
        ("", "holds nothing; expected a mapping"),
        (b"a: 1\nb: \xff\xfe\n", "train.yaml:2: is not UTF-8"),
        ("a: 1\n---\nb: 2\n", "train.yaml:2: is not YAML"),
    ],
)
def test_what_is_no_config_is_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in refused(tmp_path, text)


def test_a_mark_at_the_beginning_is_not_part_of_the_first_key(tmp_path: Path) -> None:
    assert check(read(tmp_path, "\ufeff" + WHOLE)).training.epochs == 2


def test_overrides_are_read_as_yaml_and_leave_the_file_alone() -> None:
    given = Document("x.yaml", {"training": {"epochs": 2}, "loss": "a:b"}, {})
    changed = with_overrides(
        given, ["training.epochs=3", "training.ema_decay=null", "data.fields=[a, b]", "loss=c:d"]
    )
    assert changed.values == {
        "training": {"epochs": 3, "ema_decay": None},
        "data": {"fields": ["a", "b"]},
        "loss": "c:d",
    }
    assert given.values == {"training": {"epochs": 2}, "loss": "a:b"}


@pytest.mark.parametrize("wrong", ["epochs", "=3", "a..b=1", "loss.x=1", "a=[1", "a=&x 1"])
def test_a_wrong_override_is_told(wrong: str) -> None:
    with pytest.raises(UsageError, match="--set"):
        with_overrides(Document("x.yaml", {"loss": "a:b"}, {}), [wrong])


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (
            ["training.epochs=0"],
            "--set training.epochs=0: training.epochs=0; expected a whole number from 1",
        ),
        (
            ["data.batch_sise=3"],
            "--set data.batch_sise=3: unknown key data.batch_sise; did you mean 'batch_size'?",
        ),
        # A section as a whole: nothing of it is in the file any more.
        (
            ["training={epochs: 0}"],
            "--set training={epochs: 0}: training.epochs=0; expected a whole number from 1",
        ),
        (["training={log_interval: 0}", "training={epochs: 1}"], ""),
        (
            ["training.epochs=0", "training.epochs=-1"],
            "--set training.epochs=-1: training.epochs=-1; expected a whole number from 1",
        ),
        (
            ["optimizer.lr=-1", "data.batch_size=0"],
            "--set data.batch_size=0: data.batch_size is 0; input should be greater than or equal "
            "to 1; --set optimizer.lr=-1: optimizer.lr=-1.0; expected a number above 0",
        ),
        (["loss=" + "x" * 70], f"--set loss={'x' * 55}...: loss is"),
        (["optimizer.lr=0.1"], ""),
    ],
)
def test_a_fault_of_an_override_names_the_argument_and_no_line(
    tmp_path: Path, overrides: list[str], told: str
) -> None:
    document = with_overrides(read(tmp_path, WHOLE), overrides)
    if not told:
        check(document)
        return
    with pytest.raises(UsageError) as caught:
        check(document)
    assert str(caught.value).startswith(told)
    assert "train.yaml" not in str(caught.value)


def test_what_is_wrong_in_the_file_keeps_its_line_beside_an_override(tmp_path: Path) -> None:
    text = WHOLE.replace("batch_size: 16", "batch_size: 0")
    said = r"--set training.x=1: unknown key training.x; .*; train.yaml:5: data.batch_size is 0"
    with pytest.raises(UsageError, match=said):
        check(with_overrides(read(tmp_path, text), ["training.x=1", "data.seed=1"]))


def test_a_preset_sets_what_the_file_leaves_open() -> None:
    given = {"training": {"log_interval": 7}, "data": {"train": "a.h5", "batch_size": 24}}
    merged, changed = with_preset(given, "throughput")
    assert merged["training"]["log_interval"] == 7
    assert merged["data"]["prefetch_factor"] == 4
    assert "training.log_interval" not in dict(changed)
    assert dict(changed)["training.eval_interval"] == "2 epochs"


@pytest.mark.parametrize(
    ("batch_size", "expected"), [(64, (16, 4)), (6, (2, 3)), (7, (7, 1)), (None, (8, 4))]
)
def test_less_memory_keeps_the_samples_of_a_step(
    batch_size: int | None, expected: tuple[int, int]
) -> None:
    data: dict[str, Any] = {"train": "a.h5"}
    if batch_size is not None:
        data["batch_size"] = batch_size
    merged, _ = with_preset({"data": data}, "memory")
    found = values(**merged)
    assert (found.data.batch_size, found.training.accumulate) == expected


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_name_settings_that_exist(preset: str) -> None:
    merged, changed = with_preset({"data": {"train": "a.h5"}}, preset)
    assert changed
    values(**merged)


def test_transforms_are_built_by_name() -> None:
    built = build_transforms(
        [{"RandomCrop": [192, 96]}, "HorizontalFlip", {"Normalize": {"mean": [0.5], "std": [1]}}],
        key="data.transforms",
    )
    assert built == [RandomCrop((192, 96)), HorizontalFlip(), Normalize((0.5,), (1.0,))]
    halves = [
        {"ToFloat": "float16"},
        {"Normalize": {"mean": [0.5], "std": [1], "dtype": "float16"}},
    ]
    built = build_transforms(halves, key="data.transforms")
    assert built == [ToFloat("float16"), Normalize((0.5,), (1.0,), "float16")]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("RandomCorp", r"data.transforms\[0\]: no transform 'RandomCorp'; did you mean"),
        ("plan", "no transform 'plan'"),
        ({"RandomCrop": {"sise": 3}}, "RandomCrop does not take"),
        ("RandomCrop", "RandomCrop does not take"),
        ({"RandomCrop": 3, "ToFloat": {}}, "expected one name"),
        ({"RandomCrop": 0}, "at least 1 pixel"),
        ({"ToFloat": "half"}, "dtype='half'; expected float32, float16, bfloat16"),
    ],
)
def test_a_transform_that_is_none(entry: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        build_transforms([entry], key="data.transforms")


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


def test_importing_runs_no_expression() -> None:
    with pytest.raises(UsageError):
        values(model="os:system('true')")
    with pytest.raises(UsageError, match="cannot import"):
        import_target(Target(path="no.such.module:Net"), key="model")
