"""The import graph by which the layout is judged, on toy sources with known answers."""

from __future__ import annotations

from graphlib import CycleError
from itertools import pairwise
from pathlib import Path

import pytest

from tests.house.import_graph import Graph, circle, graph_of, layers, merged, module_of


def graph(**codes: str) -> Graph:
    """A graph from code by file name; two underscores in a name stand for a slash."""
    return graph_of({Path(f"{name.replace('__', '/')}.py"): code for name, code in codes.items()})


@pytest.mark.parametrize(("path", "module"), [("a/b.py", "a.b"), ("a/b/__init__.py", "a.b"), ("a.py", "a")])
def test_a_file_has_the_name_by_which_it_is_imported(path: str, module: str) -> None:
    assert module_of(Path(path)) == module


@pytest.mark.parametrize(
    "code",
    [
        "import a.b", "from a.b import thing", "from a import b", "import a.b as c",
        "def f():\n    from a.b import thing", "if TYPE_CHECKING:\n    from a.b import Thing",
    ],
)
def test_every_way_to_import_a_module_is_an_edge(code: str) -> None:
    assert graph(a__b="", x=code)["x"] == {"a.b"}


@pytest.mark.parametrize(
    "code", ["from . import b", "from .b import thing", "from ..a import b", "from ..a.b import thing"],
)
def test_a_relative_import_is_an_edge_to_the_module_it_means(code: str) -> None:
    assert graph(a__b="", a__c=code)["a.c"] == {"a.b"}


def test_a_name_that_a_package_defines_is_an_edge_to_the_package() -> None:
    codes = {Path("a/__init__.py"): "thing = 1", Path("a/b.py"): "", Path("x.py"): "from a import b, thing"}
    assert graph_of(codes)["x"] == {"a", "a.b"}


def test_what_is_not_among_the_sources_is_no_edge() -> None:
    assert graph(x="import os\nfrom numpy.typing import NDArray")["x"] == set()


def test_groups_import_what_their_nodes_import_and_not_themselves() -> None:
    nodes = {"a.x": {"a.y", "b.x"}, "a.y": set(), "b.x": {"b.y"}, "b.y": {"c"}, "c": set()}
    assert merged(nodes, lambda node: node[0]) == {"a": {"b"}, "b": {"c"}, "c": set()}


def test_a_circle_is_given_in_the_order_of_its_imports() -> None:
    nodes: Graph = {"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}}
    found = circle(nodes)
    assert sorted(found[1:]) == ["b", "c", "d"]
    assert all(after in nodes[before] for before, after in pairwise(found))


def test_without_a_circle_none_is_given() -> None:
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_a_node_stands_right_above_the_highest_that_it_imports() -> None:
    assert layers({"a": {"b", "c"}, "b": {"c"}, "c": set(), "d": set()}) == [{"c", "d"}, {"b"}, {"a"}]


def test_a_circle_has_no_layers() -> None:
    with pytest.raises(CycleError):
        layers({"a": {"b"}, "b": {"a"}})
