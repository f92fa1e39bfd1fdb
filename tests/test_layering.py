"""The folder tree is the architecture: imports only go down, and there is no way round."""

from __future__ import annotations

import subprocess
import sys

from sources import calls, imports_at_runtime, parse, source_files

from fastdata.cli.app import COMMANDS

# From the roof to the ground; rooms that stand on one line do not know each other.
FLOORS = (
    ("fastdata.cli",),
    ("fastdata.demo",),
    ("fastdata.tuning", "fastdata.checkup"),
    ("fastdata.config",),
    ("fastdata.training",),
    ("fastdata.profiling", "fastdata.monitoring"),
    ("fastdata.loader", "fastdata.converters"),
    ("fastdata.engines",),
    ("fastdata.packs",),
    ("fastdata.cores",),
    ("fastdata.codecs",),
    ("fastdata.native",),
    (
        "fastdata.schema",
        "fastdata.kinds",
        "fastdata.sampletype",
        "fastdata.transforms",
        "fastdata.geometry",
        "fastdata.philox",
        "fastdata.distance",
    ),
    (
        "fastdata.hardware",
        "fastdata.timing",
        "fastdata.errors",
        "fastdata.wording",
        "fastdata.webpage",
    ),
)
# Likewise within the profiler, where "" stands for the ways in, which lie beside its rooms.
PROFILER_FLOORS = (
    ("selfcheck",),
    ("",),
    ("hooks",),
    ("recorders",),
    ("findings", "rendering"),
    ("lanes",),
    ("clocks",),
    ("record",),
)
FLOOR_OF = {room: height for height, rooms in enumerate(reversed(FLOORS)) for room in rooms}
ROOT_MODULES = {"fastdata", "fastdata.__main__"}
# Rooms whose files may know one another, because they are several files of one topic.
ONE_TOPIC = {
    "fastdata.schema",
    "fastdata.kinds",
    "fastdata.transforms",
    "fastdata.geometry",
    "fastdata.philox",
}


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def allowed(importer: str, imported: str) -> bool:
    if importer == imported or FLOOR_OF[imported] < FLOOR_OF[importer]:
        return True
    return {importer, imported} <= ONE_TOPIC | {"fastdata.distance"}


def test_every_module_stands_in_a_known_room() -> None:
    unknown = {
        name
        for name in source_files()
        if name not in ROOT_MODULES and room_of(name) not in FLOOR_OF
    }
    assert not unknown


def test_imports_only_go_down() -> None:
    wrong = []
    for name, path in source_files().items():
        if name in ROOT_MODULES:
            continue
        for imported, line in imports_at_runtime(parse(path)):
            if imported == "fastdata":
                wrong.append(f"{name}:{line} imports the root package")
            elif imported.startswith("fastdata.") and not allowed(room_of(name), room_of(imported)):
                wrong.append(f"{name}:{line} imports {imported}")
    assert not wrong


def profiler_room(module: str) -> str:
    """The room of a module of `fastdata.profiling`; "" for one that lies beside them."""
    inner = module.split(".")[2:]
    is_room = f"fastdata.profiling.{inner[0]}" in profiler_packages() if inner else False
    return inner[0] if is_room else ""


def profiler_packages() -> set[str]:
    return {name for name, path in source_files().items() if path.name == "__init__.py"}


def test_the_profilers_imports_only_go_down_as_well() -> None:
    floor_of = {room: floor for floor, rooms in enumerate(PROFILER_FLOORS) for room in rooms}
    wrong = []
    for name, path in source_files().items():
        if room_of(name) != "fastdata.profiling":
            continue
        own = profiler_room(name)
        for imported, line in imports_at_runtime(parse(path)):
            if room_of(imported) == "fastdata.profiling":
                room = profiler_room(imported)
                if room != own and floor_of[room] <= floor_of[own]:
                    wrong.append(f"{name}:{line} imports {imported}")
    assert not wrong


def test_no_two_modules_import_each_other_in_a_circle() -> None:
    files = source_files()
    graph = {
        name: {found for found, _ in imports_at_runtime(parse(path)) if found in files}
        for name, path in files.items()
        if name not in ROOT_MODULES
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for found in graph.get(name, set()) - {name}:
                visit(found, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_no_command_needs_another() -> None:
    modules = {f"fastdata.cli.{name}" for name in COMMANDS}
    wrong = [
        f"{name}:{line} imports {imported}"
        for name in modules
        for imported, line in imports_at_runtime(parse(source_files()[name]))
        if imported in modules
    ]
    assert not wrong


def test_only_the_dali_engine_imports_dali() -> None:
    importers = {
        name
        for name, path in source_files().items()
        for imported, _ in imports_at_runtime(parse(path))
        if imported.startswith("nvidia.dali")
    }
    assert importers == {"fastdata.engines.dali.pipeline"}


def test_only_the_command_line_prints() -> None:
    printing = {
        name
        for name, path in source_files().items()
        for called, _ in calls(parse(path))
        if called in {"print", "sys.stdout.write", "sys.stderr.write"}
    }
    assert {name for name in printing if room_of(name) != "fastdata.cli"} == set()


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_fastdata_loads_no_heavy_library() -> None:
    heavy = {"torch", "h5py", "lmdb", "PIL", "numpy", "edt", "rich", "typer", "pydantic"}
    assert loaded_after("import fastdata") & heavy == set()


def test_packs_converters_and_the_command_line_load_no_torch() -> None:
    for statement in (
        "from fastdata import open_pack, create_pack",
        "from fastdata import convert",
        "import fastdata.cli",
        "import fastdata.transforms",
    ):
        assert "torch" not in loaded_after(statement), statement


def test_every_public_name_resolves() -> None:
    code = "import fastdata; [getattr(fastdata, name) for name in fastdata.__all__]"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
