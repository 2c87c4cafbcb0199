"""The rooms stay small and in order: few modules a folder, no circle of imports, and layers that import downwards."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.house.import_graph import Graph, circle, graph_of, layers, merged
from tests.house.tree import ROOMS, ROOT, sources

MODULES_MAX = 14
"""In one folder, its `__init__.py` not counted."""
PROGRAM = {"app.py", "pipeline.py"}
"""What must stand at the top of `streams/`."""
BESIDE_MAX = 2
LAYERS_MAX = 8


@cache
def imports() -> Graph:
    """Who imports whom, of all Python files in the repository."""
    return graph_of({path: (ROOT / path).read_text(encoding="utf-8") for path in sources()})


def sub_packages(room: str) -> Graph:
    """Which folder of a room imports which; a module at the top of the room stands for itself."""
    inside = {
        module: {name for name in imported if name.startswith(f"{room}.")}
        for module, imported in imports().items() if module.startswith(f"{room}.")
    }
    return merged(inside, lambda module: ".".join(module.split(".")[:2]))


def documented(room: str) -> dict[str, set[str]]:
    """Which sub-package imports which, by the room's table in `docs/architecture.md`."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition(f"### `{room}/`")[2].partition("\n#")[0]
    rows = [line.strip("| ").split("|") for line in table.splitlines() if line.startswith("| `")]
    return {row[0].strip(" `"): set(re.findall(r"`(\w+)`", row[2])) if len(row) > 2 else set() for row in rows}


def modules() -> list[Path]:
    return [path for path in sources() if path.name != "__init__.py"]


def test_no_folder_holds_too_many_modules() -> None:
    counts = Counter(path.parent for path in modules())
    assert {str(folder): count for folder, count in counts.items() if count > MODULES_MAX} == {}


def test_at_the_top_of_streams_stand_the_program_and_at_most_two_other_modules() -> None:
    top = {path.name for path in modules() if path.parent == Path("streams")}
    assert top >= PROGRAM
    assert len(top - PROGRAM) <= BESIDE_MAX


@pytest.mark.parametrize("room", ROOMS)
def test_the_sub_packages_of_a_room_import_in_one_direction(room: str) -> None:
    assert circle(sub_packages(room)) == []


def test_the_sub_packages_of_streams_stand_in_few_layers() -> None:
    assert len(layers(sub_packages("streams"))) <= LAYERS_MAX


def test_no_file_imports_itself_through_others() -> None:
    assert circle(imports()) == []


@pytest.mark.parametrize("room", ["streams", "classifiers"])
def test_the_architecture_page_names_every_sub_package_and_what_it_imports(room: str) -> None:
    named = documented(room)
    folders = {path.parts[1] for path in modules() if path.parts[0] == room and len(path.parts) > 2}
    assert folders <= named.keys()
    graph = sub_packages(room)
    imported = {name: {other.rpartition(".")[2] for other in graph[f"{room}.{name}"]} & named.keys() for name in named}
    assert named == imported


def test_no_module_imports_from_a_test_module() -> None:
    """What tests share is in a helper module."""
    tests = {module for module in imports() if module.rpartition(".")[2].startswith("test_")}
    assert {module: sorted(imported & tests) for module, imported in imports().items() if imported & tests} == {}
