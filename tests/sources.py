"""The source files of the package and what they import, for the tests that hold the house."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path


@cache
def source_files() -> dict[str, Path]:
    """Module name -> file of the installed package, where converters are `fastdata.converters`."""
    spec = importlib.util.find_spec("fastdata")
    converters = importlib.util.find_spec("fastdata.converters")
    assert spec is not None and converters is not None
    files: dict[str, Path] = {}
    for package, found in (("fastdata", spec), ("fastdata.converters", converters)):
        assert found.origin is not None
        root = Path(found.origin).parent
        for path in root.rglob("*.py"):
            parts = path.relative_to(root).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            files[".".join((package, *parts))] = path
    return files


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports_at_runtime(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """(module, line) of each import, those inside functions included, TYPE_CHECKING blocks not."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            assert node.module is not None
            for alias in node.names:
                yield _imported(node.module, alias.name), node.lineno
        todo.extend(ast.iter_child_nodes(node))


def _imported(module: str, name: str) -> str:
    """The submodule if `name` is one; ``from fastdata import name`` means the root package."""
    if module == "fastdata" or f"{module}.{name}" not in source_files():
        return module
    return f"{module}.{name}"


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """(dotted name as written, node) of each call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield ast.unparse(node.func), node
