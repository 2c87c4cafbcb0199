"""YAML text as a tree with the file and line of each value.

It supports what a configuration needs: mappings with text keys, lists, and the plain scalars of YAML 1.2. Tags, merge
keys and anything that builds an object are refused with their place. A duplicate key is a problem.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode

from config.errors import Problem

Scalar = str | int | float | bool | None
Path = tuple[str | int, ...]
DEPTH_MAX = 32

_MAP, _SEQ = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_SCALARS: Mapping[str, Callable[[str], Scalar]] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:timestamp": str,
    "tag:yaml.org,2002:null": lambda _: None,
    "tag:yaml.org,2002:bool": lambda text: text.lower() == "true",
    "tag:yaml.org,2002:int": lambda text: int(text.replace("_", ""), 0),
    "tag:yaml.org,2002:float": lambda text: float(re.sub(r"\.(inf|nan)$", r"\1", text.replace("_", "").lower())),
}


@dataclass(frozen=True, slots=True)
class Node:
    """One value and its place. value: a scalar, a mapping of nodes or a list of nodes. path: where it was written."""

    value: Scalar | Mapping[str, Node] | list[Node]
    file: str
    line: int
    path: Path = ()

    def plain(self) -> object:
        """The value without places, as input of pydantic."""
        if isinstance(self.value, Mapping):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def at(self, path: Path) -> Node:
        """The node at a path, or its nearest parent that was written."""
        node = self
        for step in path:
            child: Node | None = None
            if isinstance(node.value, Mapping):
                child = node.value.get(str(step))
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                child = node.value[step]
            if child is None:
                break
            node = child
        return node


def merge(base: Node, over: Node, named: Collection[Path] = (), at: Path = ()) -> Node:
    """Merge one tree over another: mappings key by key; everything else, lists too, is replaced.

    named: lists of mappings with a name, which are merged by that name; see `_merge_named`.
    """
    if at in named and isinstance(base.value, list) and isinstance(over.value, list):
        return replace(over, value=_merge_named(base.value, over.value))
    if not isinstance(base.value, Mapping) or not isinstance(over.value, Mapping):
        return over
    merged = dict(base.value)
    for key, child in over.value.items():
        merged[key] = merge(merged[key], child, named, (*at, key)) if key in merged else child
    return replace(over, value=merged)


def _merge_named(base: list[Node], over: list[Node]) -> list[Node]:
    """An item whose name is known is laid over that one, in its place. The others go before all of `base`.

    A second one for a place is a mistake. It comes last, as it is.
    """
    places = {_name(item): place for place, item in enumerate(base)}
    merged: dict[int, Node] = {}
    new: list[Node] = []
    repeated: list[Node] = []
    for item in over:
        place = places.get(_name(item))
        if place is None:
            new.append(item)
        elif place in merged:
            repeated.append(item)
        else:
            merged[place] = merge(base[place], item)
    return [*new, *(merged.get(place, item) for place, item in enumerate(base)), *repeated]


def _name(item: Node) -> Scalar:
    name = item.value.get("name") if isinstance(item.value, Mapping) else None
    return name.value if name is not None and isinstance(name.value, str) else None


def dotted(path: Path) -> str:
    """A path as text: `playbooks[2].steps[0].action`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def as_written(tree: Node, path: Path) -> str:
    """A path as text, as the operator wrote it. Playbooks are merged from layers, so their places move."""
    if path[:1] != ("playbooks",):
        return dotted(path)
    node, depth = tree, 0
    while depth < len(path) and (child := node.at((path[depth],))) is not node:
        node, depth = child, depth + 1
    return dotted((*node.path, *path[depth:]))


def as_mapping(value: object) -> Mapping[str, Any]:
    """What was written, where a mapping was expected; another check tells of anything else."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[Any]:
    """What was written, where a list was expected; another check tells of anything else."""
    return value if isinstance(value, list) else []


def problem_at(tree: Node, path: Path, value: str, expected: str) -> Problem:
    """A problem of the setting at a path, with its place in the file."""
    node = tree.at(path)
    return Problem(node.file, node.line, as_written(tree, path), value, expected)


def parse(text: str, file: str, problems: list[Problem]) -> Node | None:
    """Parse YAML text; None when its syntax is invalid. Every problem found is appended to `problems`."""
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        expected = f"valid YAML ({error.problem or error.context})"
        problems.append(Problem(file, None if mark is None else mark.line + 1, "", "", expected))
        return None
    except (YAMLError, ValueError, NotImplementedError) as error:
        first_line = (str(error).splitlines() or [""])[0]
        problems.append(Problem(file, None, "", "", f"valid YAML ({first_line})"))
        return None
    if root is None:
        expected = "a setting that differs from the default, or `version: 1`"
        problems.append(Problem(file, None, "", "an empty file", expected))
        return None
    if not isinstance(root, MappingNode):
        problems.append(Problem(file, _line(root), "", _kind(root), "a mapping of settings"))
        return None
    return _Reader(file, problems).read(root, ())


class _Reader:
    """Converts the composed nodes of one file."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self._file = file
        self._problems = problems

    def read(self, node: YamlNode, path: Path) -> Node:
        if len(path) > DEPTH_MAX:
            self._report(node, path[:3], "deeper nesting", f"at most {DEPTH_MAX} levels")
            return Node(None, self._file, _line(node), path)
        if isinstance(node, MappingNode) and node.tag == _MAP:
            return Node(self._mapping(node, path), self._file, _line(node), path)
        if isinstance(node, SequenceNode) and node.tag == _SEQ:
            items = [self.read(child, (*path, index)) for index, child in enumerate(node.value)]
            return Node(items, self._file, _line(node), path)
        return Node(self._scalar(node, path), self._file, _line(node), path)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, ScalarNode) else None
            if not isinstance(key, str) or key == "<<":
                self._report(key_node, path, repr(key) if key else _kind(key_node), "a setting's name as key")
            elif key in found:
                self._report(key_node, (*path, key), "a second one", f"one (the first is on line {found[key].line})")
            else:
                # A setting's line is that of its key, where the operator looks for it. A nested mapping begins below.
                found[key] = replace(self.read(value_node, (*path, key)), line=_line(key_node))
        return found

    def _scalar(self, node: YamlNode, path: Path) -> Scalar:
        convert = _SCALARS.get(str(node.tag))
        if convert is None or not isinstance(node.value, str):
            self._report(node, path, f"the tag {node.tag}", "a value without a tag of its own")
            return None
        try:
            return convert(node.value)
        except ValueError:
            return node.value

    def _report(self, node: YamlNode, path: Path, value: str, expected: str) -> None:
        self._problems.append(Problem(self._file, _line(node), dotted(path), value, expected))


def _line(node: YamlNode) -> int:
    return int(node.start_mark.line) + 1


def _kind(node: YamlNode) -> str:
    if isinstance(node, MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, SequenceNode) else repr(node.value)
