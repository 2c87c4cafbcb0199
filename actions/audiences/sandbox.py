"""Templates: a small part of Jinja2, in its sandbox, checked before use and bounded when rendered. Pure.

A template has texts, `{{ name }}`, `{% if %}` and `{% for %}`. Calls, attributes (but those of `loop`), assignments,
includes, macros, multiplication and all filters but a few are refused, so no template can run long or reach an object.
The first line of what it renders is the title, the rest the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

FILTERS = frozenset({"default", "join", "length", "lower", "upper", "first", "last", "round", "int", "trim"})
ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.For, nodes.CondExpr,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Filter, nodes.Test, nodes.Add, nodes.Sub,
    nodes.Concat, nodes.Getattr, nodes.Keyword, nodes.Tuple, nodes.List,
)
MAX_SOURCE = 20_000
MAX_TITLE = 250
MAX_OUTPUT = 8_000
MAX_NESTED = 2
MAX_ITEMS = 20
Value = str | int | float | bool | None | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake in a template. line: counted from 1. value: what stands there."""

    line: int
    value: str
    expected: str


class TemplateError(ValueError):
    """A template that cannot be rendered, with its fault."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(f"line {fault.line}: got {fault.value}, expected {fault.expected}")


@dataclass(frozen=True, slots=True)
class Text:
    """What a template rendered: plain text. title: one line."""

    title: str
    body: str


def faults(source: str, names: frozenset[str]) -> list[Fault]:
    """Every mistake in a template, in order of lines. names: the variables that it may use."""
    if len(source) > MAX_SOURCE:
        return [Fault(1, f"{len(source)} characters", f"at most {MAX_SOURCE}")]
    try:
        tree = _ENVIRONMENT.parse(source)
    except TemplateSyntaxError as error:
        return [Fault(error.lineno, repr(error.message), "a template that Jinja2 can read")]
    found = [*_refused(tree), *_unknown(tree, names), *_deep(tree, 0)]
    return sorted(dict.fromkeys(found), key=lambda fault: (fault.line, fault.value))


def render(source: str, values: Mapping[str, Value]) -> Text:
    """Render a template; raises `TemplateError` where it has a mistake or writes nothing or too much."""
    wrong = faults(source, frozenset(values))
    if wrong:
        raise TemplateError(wrong[0])
    long = [name for name, value in values.items() if isinstance(value, tuple) and len(value) > MAX_ITEMS]
    if long:
        raise TemplateError(Fault(1, f"{long[0]} of more than {MAX_ITEMS} items", "a shorter list"))
    parts, size = [], 0
    try:
        for part in _ENVIRONMENT.from_string(source).generate(dict(values)):
            size += len(part)
            if size > MAX_OUTPUT:
                raise TemplateError(Fault(1, f"a text of more than {MAX_OUTPUT} characters", "a shorter one"))
            parts.append(part)
    except (UndefinedError, TypeError, ValueError) as error:
        if isinstance(error, TemplateError):
            raise
        raise TemplateError(Fault(1, repr(str(error)), "expressions that fit the values")) from error
    title, _, body = "".join(parts).strip().partition("\n")
    if not title:
        raise TemplateError(Fault(1, "an empty text", "a title on the first line"))
    if len(title) > MAX_TITLE:
        title = title[:MAX_TITLE - 1] + "\u2026"
    return Text(title.strip(), _tidy(body))


def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False, finalize=_shown,
    )
    made.globals.clear()
    made.filters = {name: one for name, one in made.filters.items() if name in FILTERS}
    return made


def _shown(value: object) -> object:
    """Unknown is said, and not left out."""
    return "unknown" if value is None else value


_ENVIRONMENT = _environment()


@lru_cache(maxsize=1)
def _allowed_filters() -> str:
    return ", ".join(sorted(FILTERS))


def _refused(tree: nodes.Template) -> Iterator[Fault]:
    for node in tree.find_all(nodes.Node):
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            yield Fault(node.lineno, f"the filter {node.name!r}", f"one of {_allowed_filters()}")
        elif isinstance(node, nodes.Getattr) and not (isinstance(node.node, nodes.Name) and node.node.name == "loop"):
            yield Fault(node.lineno, f"the attribute .{node.attr}", "a variable alone; only loop has attributes")
        elif isinstance(node, nodes.For) and node.recursive:
            yield Fault(node.lineno, "a recursive loop", "a plain loop")
        elif not isinstance(node, ALLOWED):
            yield Fault(node.lineno, f"{type(node).__name__.lower()}", "texts, {{ name }}, {% if %} and {% for %} only")


def _unknown(tree: nodes.Template, names: frozenset[str]) -> Iterator[Fault]:
    own = {node.name for node in tree.find_all(nodes.Name) if node.ctx in ("store", "param")} | {"loop"}
    for node in tree.find_all(nodes.Name):
        if node.ctx == "load" and node.name not in names and node.name not in own:
            yield Fault(node.lineno, f"the variable {node.name!r}", f"one of {', '.join(sorted(names))}")


def _deep(node: nodes.Node, depth: int) -> Iterator[Fault]:
    inside = depth + isinstance(node, nodes.For)
    if inside > MAX_NESTED:
        yield Fault(node.lineno, f"a loop within {depth} loops", f"at most {MAX_NESTED} within each other")
        return
    for child in node.iter_child_nodes():
        yield from _deep(child, inside)


def _tidy(body: str) -> str:
    """Without blanks at line ends, and with at most one empty line in a row."""
    lines: list[str] = []
    for line in map(str.rstrip, body.strip().split("\n")):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines)
