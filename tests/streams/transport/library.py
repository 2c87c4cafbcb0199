"""What `streams.transport` and `streams.kafka` take from Faust, mode and aiokafka, read from the code of both sides."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import streams.kafka
import streams.transport

LIBRARIES = ("faust", "mode", "aiokafka")


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every module of `streams.transport` and `streams.kafka`."""
    return tuple(
        import_module(f"{package.__name__}.{found.name}") for package in (streams.transport, streams.kafka)
        for found in pkgutil.iter_modules(package.__path__)
    )


@cache
def subclasses() -> tuple[type, ...]:
    """The classes of these modules that extend a class of a library."""
    return tuple(
        found for module in modules() for _, found in inspect.getmembers(module, inspect.isclass)
        if found.__module__ == module.__name__ and any(is_of_library(base) for base in found.__mro__)
    )


def is_of_library(found: type) -> bool:
    return found.__module__.split(".")[0] in LIBRARIES


def body_of(found: type) -> list[ast.stmt]:
    (definition,) = ast.parse(inspect.getsource(found)).body
    assert isinstance(definition, ast.ClassDef)
    return definition.body


def names_of(found: type) -> frozenset[str]:
    """The attributes of a class: of its body, annotated there, or assigned to `self` in its methods."""
    if not is_of_library(found) and not found.__module__.startswith("streams."):
        return frozenset(vars(found))
    source = inspect.getsource(sys.modules[found.__module__])
    return frozenset(vars(found)) | _assigned(ast.parse(source), found.__name__)


def inherited(found: type) -> frozenset[str]:
    """The attributes that a class has from its bases."""
    return frozenset().union(*(names_of(base) for base in found.__mro__[1:]))


@cache
def library_names() -> frozenset[str]:
    """The attributes of all classes of the libraries' modules that are imported."""
    files = [
        Path(module.__file__) for name, module in sys.modules.items()
        if name.split(".")[0] in LIBRARIES and module.__file__ is not None
    ]
    sources = [file.read_text(encoding="utf-8") for file in files if file.suffix == ".py"]
    return frozenset().union(*(_assigned(ast.parse(source), None) for source in sources))


def _assigned(tree: ast.AST, class_name: str | None) -> frozenset[str]:
    return frozenset(
        name for definition in ast.walk(tree) if isinstance(definition, ast.ClassDef)
        if class_name in (None, definition.name) for node in ast.walk(definition) for name in _defined_by(node)
    )


def _defined_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value):
        yield node.attr


def is_self(node: ast.expr) -> bool:
    """Whether the expression is `self`, `cls` or `super()`."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in ("self", "cls")
