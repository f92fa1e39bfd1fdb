"""The YAML of a training run: what is refused, how it is told, and what it becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fastdata.config import (
    PRESETS,
    Document,
    RunConfig,
    Target,
    build_transforms,
    check,
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


def test_importing_runs_no_expression() -> None:
    with pytest.raises(UsageError):
        values(model="os:system('true')")
    with pytest.raises(UsageError, match="cannot import"):
        import_target(Target(path="no.such.module:Net"), key="model")
