"""Nothing that could run somebody else's code is called on data: a scan of all of our sources."""

from __future__ import annotations

import ast

from sources import calls, imports_at_runtime, parse, source_files

CODE_RUNNING_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
CODE_RUNNING_CALLS = {
    "eval",
    "exec",
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "os.system",
}


def keyword(call: ast.Call, name: str) -> str | None:
    return next((ast.unparse(k.value) for k in call.keywords if k.arg == name), None)


def test_no_module_that_unpickles_is_imported() -> None:
    found = {
        f"{name}:{line} {imported}"
        for name, path in source_files().items()
        for imported, line in imports_at_runtime(parse(path))
        if imported.split(".")[0] in CODE_RUNNING_MODULES
    }
    assert not found


def test_no_call_runs_what_data_says() -> None:
    wrong = []
    for name, path in source_files().items():
        for called, call in calls(parse(path)):
            where = f"{name}:{call.lineno} {called}"
            if called in CODE_RUNNING_CALLS:
                wrong.append(where)
            if called in {"np.load", "numpy.load"} and keyword(call, "allow_pickle") != "False":
                wrong.append(f"{where} without allow_pickle=False")
            if called == "torch.load" and keyword(call, "weights_only") != "True":
                wrong.append(f"{where} without weights_only=True")
            if keyword(call, "shell") == "True":
                wrong.append(f"{where} with shell=True")
    assert not wrong
