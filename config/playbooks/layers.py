"""Playbooks from layers: the operator's over the shipped ones, and defaults -> category -> service. On trees, so that
each setting keeps its place in its file.

The operator's books merge with the shipped ones by name; those with a new name come first. A book with `replace: true`
takes the place of the shipped one of its name, and one of nothing but `replace: true` drops all that are shipped.
Mappings merge key by key, steps by id; steps with a new id come first. What comes out is a list of whole playbooks, of
which the first that fits an incident is used. A book without a level stands alone: of the others only the defaults are
laid under it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from actions.playbooks.playbook import step_ids
from config.errors import Problem
from config.source import Node, Path, Scalar, merge, parse

BOOKS = "playbooks"
CASES = ".cases.yaml"
"""How the names of files end that hold the cases of a playbook."""
EVENTS = ("on_open", "on_change", "on_failure", "on_close", "always")
"""Settings of a book that name audiences."""
OWN_KEYS = ("name", "version", "level", "match")
"""Settings of one book that the books laid over it do not take over."""
RENAMED = {"kind": "action"}
KEPT: Mapping[str, str] = {"true": "never", "false": "when_over"}
"""`keep` of a step, as it was written before `undo`."""


@cache
def shipped_books() -> tuple[Node, ...]:
    """The playbooks that come with Tocsin, by the names of their files. A fault in one is a bug."""
    problems: list[Problem] = []
    found = read_books(files("config.playbooks").joinpath("shipped"), problems)
    assert not problems, problems
    return tuple(found)


def read_books(folder: Traversable, problems: list[Problem]) -> list[Node]:
    """The playbooks of a folder, one a file, by the names of the files. Faults of syntax are appended to `problems`."""
    found = [
        parse(file.read_text(encoding="utf-8"), f"{folder.name}/{file.name}", problems)
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".yaml") and not file.name.endswith(CASES)
    ]
    return [book for book in found if book is not None]


def named_actions(books: Iterable[Node]) -> frozenset[str]:
    """Every kind of action that a step of the books names."""
    steps = [_modern_step(step) for book in books for step in _items(book, "steps") or []]
    return frozenset(name for step in steps if (name := _text(step, "action")) is not None)


def modernise(tree: Node) -> Node:
    """The tree with steps as they are written now: `action` for `kind`, `verify.within` for `wait`, `undo` for `keep`.
    """
    books = _items(tree, BOOKS)
    return tree if books is None else _with(tree, BOOKS, [_modern_book(book) for book in books])


def compose(tree: Node, shipped: Sequence[Node], configured: frozenset[str] | None = None) -> Node:
    """The tree with the whole playbooks in their order. A tree whose playbooks are no list of mappings is left alone:
    its mistake is reported as it stands.

    configured: kinds of action that shipped steps may use; None takes those of the tree.
    """
    own = _items(tree, BOOKS)
    if own is None or not all(isinstance(book.value, Mapping) for book in own):
        return tree
    configured = _configured(tree) if configured is None else configured
    books = _merge_by_name([_without_unconfigured(_modern_book(book), configured) for book in shipped], own)
    defaults = _fold([book for book in books if _text(book, "level") == "defaults"])
    categories = [book for book in books if _text(book, "level") == "category"]
    services = [book for book in books if _text(book, "level") not in ("defaults", "category")]
    known = {name for book in categories for name in _step_ids(book)}
    found: list[Node] = []
    for book in services:
        if _text(book, "level") == "service":
            found += [_stacked(defaults, book, below) for below in categories if _may_meet(book, below)]
        found.append(_stacked(defaults, _without_partial(book, known)))
    found += [_stacked(defaults, book) for book in categories]
    return _with(tree, BOOKS, found)


def _stacked(defaults: Node | None, book: Node, below: Node | None = None) -> Node:
    """A whole book: the defaults, a book of a category, and a book, each laid over the one before."""
    under = [layer for layer in (defaults, below) if layer is not None]
    whole = _fold([book, *(_without(layer, OWN_KEYS) for layer in reversed(under))])
    assert whole is not None
    names = [_text(layer, "name") or "?" for layer in (*under, book)]
    layers = Node([Node(name, book.file, book.line, book.path) for name in names], book.file, book.line, book.path)
    whole = _with(_without(whole, ("replace",)), "layers", layers.value)
    if below is None:
        return whole
    whole = _with(whole, "name", f"{names[-1]}+{names[-2]}")
    return whole if (match := _child(below, "match")) is None else _with(whole, "base_match", match.value)


def _fold(books: Sequence[Node]) -> Node | None:
    """One book of several, the first of which counts most."""
    whole: Node | None = None
    for book in reversed(books):
        whole = book if whole is None else _overlay(whole, book)
    return whole


def _overlay(base: Node, over: Node) -> Node:
    """One book laid over another: mappings key by key, steps by id."""
    merged = merge(base, over)
    lower, upper = _items(base, "steps"), _items(over, "steps")
    if lower is None or upper is None:
        return merged
    return _with(merged, "steps", _merge_steps(lower, upper))


def _merge_steps(base: Sequence[Node], over: Sequence[Node]) -> list[Node]:
    base_ids, over_ids = _ids(base), _ids(over)
    laid = {
        name: merge(base[base_ids.index(name)], step) for name, step in zip(over_ids, over, strict=True)
        if name in base_ids
    }
    new = [step for name, step in zip(over_ids, over, strict=True) if name not in base_ids]
    return [*new, *(laid.get(name, step) for name, step in zip(base_ids, base, strict=True))]


def _merge_by_name(shipped: Sequence[Node], own: Sequence[Node]) -> list[Node]:
    """The operator's books over the shipped ones. A second one of a name is a mistake and stays as it is."""
    if any(_drops_all(book) for book in own):
        shipped = []
    own = [book for book in own if not _drops_all(book)]
    replaced = {_text(book, "name") for book in own if _flag(book, "replace")}
    places = {_text(book, "name"): place for place, book in enumerate(shipped)}
    laid: dict[int, Node] = {}
    new: list[Node] = []
    for book in own:
        name = _text(book, "name")
        place = places.get(name)
        if place is None or place in laid:
            new.append(book)
        else:
            laid[place] = _without(book, ("replace",)) if name in replaced else _overlay(shipped[place], book)
    return [*new, *(laid.get(place, book) for place, book in enumerate(shipped))]


def _without_unconfigured(book: Node, configured: frozenset[str]) -> Node:
    """A shipped book without the steps whose action is not configured, and with a note of each."""
    steps = _items(book, "steps") or []
    notes = [
        f"step {name} is left out: no action {_text(step, 'action')} is configured"
        for name, step in zip(_ids(steps), steps, strict=True) if _text(step, "action") not in configured
    ]
    kept = [step for step in steps if _text(step, "action") in configured]
    listed = [Node(note, book.file, book.line, book.path) for note in notes]
    return _with(_with(book, "steps", kept), "left_out", listed) if notes else book


def _without_partial(book: Node, known: Iterable[str]) -> Node:
    """A book without the steps that only change one of a category, for incidents of none of the categories."""
    steps = _items(book, "steps")
    if steps is None or _text(book, "level") != "service":
        return book
    kept = [
        step for name, step in zip(_ids(steps), steps, strict=True)
        if name not in known or _child(step, "action") is not None
    ]
    return _with(book, "steps", kept)


def _may_meet(one: Node, other: Node) -> bool:
    """Whether an incident can fit both books, as far as their categories and severities say."""
    for name in ("categories", "severities"):
        left, right = (_texts(book, ("match", name)) for book in (one, other))
        if left and right and not set(left) & set(right):
            return False
    return True


def _modern_book(book: Node) -> Node:
    steps = _items(book, "steps")
    return book if steps is None else _with(book, "steps", [_modern_step(step) for step in steps])


def _modern_step(step: Node) -> Node:
    if not isinstance(step.value, Mapping):
        return step
    found: dict[str, Node] = {}
    for name, child in step.value.items():
        if name == "wait" and "verify" not in step.value:
            found["verify"] = replace(child, value={"within": child})
        elif name == "keep" and "undo" not in step.value and isinstance(child.value, bool):
            found["undo"] = replace(child, value=KEPT[str(child.value).lower()])
        elif name in RENAMED and RENAMED[name] not in step.value:
            found[RENAMED[name]] = child
        else:
            found[name] = child
    return replace(step, value=found)


def _configured(tree: Node) -> frozenset[str]:
    section = tree.at(("actions",))
    if section is tree or not isinstance(section.value, Mapping):
        return frozenset()
    return frozenset(name for name, node in section.value.items() if node.value is not None)


def _ids(steps: Sequence[Node]) -> list[str]:
    return step_ids([(_text(step, "id") or "", _text(step, "action") or "?") for step in steps])


def _step_ids(book: Node) -> list[str]:
    return _ids(_items(book, "steps") or [])


def _drops_all(book: Node) -> bool:
    return isinstance(book.value, Mapping) and book.value.keys() == {"replace"} and _flag(book, "replace")


def _flag(node: Node, name: str) -> bool:
    child = _child(node, name)
    return child is not None and child.value is True


def _child(node: Node, name: str) -> Node | None:
    return node.value.get(name) if isinstance(node.value, Mapping) else None


def _items(node: Node, name: str) -> list[Node] | None:
    child = _child(node, name)
    return child.value if child is not None and isinstance(child.value, list) else None


def _text(node: Node, name: str) -> str | None:
    child = _child(node, name)
    return child.value if child is not None and isinstance(child.value, str) else None


def _texts(node: Node, path: Path) -> list[str]:
    for step in path:
        child = _child(node, str(step))
        if child is None:
            return []
        node = child
    return [item.value for item in node.value if isinstance(item.value, str)] if isinstance(node.value, list) else []


def _with(node: Node, name: str, value: Scalar | Mapping[str, Node] | list[Node]) -> Node:
    """The node with a child of this value, at the place of the child before, else of the node."""
    assert isinstance(node.value, Mapping)
    place = node.value.get(name, node)
    return replace(node, value={**node.value, name: replace(place, value=value)})


def _without(node: Node, names: Iterable[str]) -> Node:
    assert isinstance(node.value, Mapping)
    return replace(node, value={name: child for name, child in node.value.items() if name not in set(names)})
