"""The import graph of Python sources, read from their syntax: nothing is imported, and `TYPE_CHECKING` hides nothing.

A graph maps each node to the nodes that it imports. Imports of anything outside the given sources are left out.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Set
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

Graph = Mapping[str, Set[str]]


def module_of(path: Path) -> str:
    """The dotted name of a file: `a/b.py` is `a.b`, `a/__init__.py` is `a`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def graph_of(codes: Mapping[Path, str]) -> Graph:
    """Each module with the modules that its code imports, at the top of the file or inside a function."""
    modules = {module_of(path) for path in codes}
    return {
        module_of(path): set(_imported(ast.parse(code), path, modules)) - {module_of(path)}
        for path, code in codes.items()
    }


def _imported(tree: ast.AST, path: Path, modules: Set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(node, path)
            for alias in node.names:
                name = f"{source}.{alias.name}"
                yield from (one for one in (name if name in modules else source,) if one in modules)


def _absolute(node: ast.ImportFrom, path: Path) -> str:
    """The module after `from`, also of a relative import: one dot is the file's folder, each further one its parent."""
    folder = path.parent.parts[:len(path.parent.parts) - node.level + 1] if node.level else ()
    return ".".join([*folder, *([node.module] if node.module else [])])


def merged(graph: Graph, group_of: Callable[[str], str]) -> Graph:
    """The graph of groups of nodes: one group imports another when a node of it does. Within a group nothing counts."""
    groups: dict[str, set[str]] = {}
    for node, imported in graph.items():
        group = groups.setdefault(group_of(node), set())
        group.update(group_of(other) for other in imported if group_of(other) != group_of(node))
    return groups


def circle(graph: Graph) -> list[str]:
    """One circle, its first node repeated at its end; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def layers(graph: Graph) -> list[set[str]]:
    """The layers from the bottom up: each node stands right above the highest node that it imports, so arrows go down.

    Raises `graphlib.CycleError` where a circle makes that impossible.
    """
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    found = []
    while sorter.is_active():
        layer = sorter.get_ready()
        sorter.done(*layer)
        found.append(set(layer))
    return found
