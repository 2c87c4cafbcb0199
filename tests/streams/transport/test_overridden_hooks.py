"""An upgrade of Faust or aiokafka that moves a hook that we override, or a private name that we use, fails here."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from tests.streams.transport.library import (
    body_of,
    inherited,
    is_of_library,
    is_self,
    library_names,
    modules,
    subclasses,
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(found: type) -> str:
    return found.__name__


def methods(found: type, overrides: bool) -> list[str]:
    """The methods in the body of a class, marked with `override` or not; without those of Python itself."""
    return [
        node.name for node in body_of(found)
        if isinstance(node, Function) and not node.name.startswith("__") and overrides == _is_marked(node)
    ]


def _is_marked(node: Function) -> bool:
    return any(isinstance(decorator, ast.Name) and decorator.id == "override" for decorator in node.decorator_list)


def parameters(found: type, name: str) -> list[str]:
    function: Any = inspect.getattr_static(found, name)
    if isinstance(function, property):
        function = function.fget
    function = inspect.unwrap(getattr(function, "__func__", function))
    assert isinstance(function, Callable)  # type: ignore[arg-type]
    return list(inspect.signature(function).parameters)


def test_the_classes_that_extend_the_libraries_are_found() -> None:
    names = {name_of(found) for found in subclasses()}
    assert {"BatchedApp", "BatchConsumer", "BatchConsumerThread", "BoundedWorker", "ShardAssignor"} <= names


@pytest.mark.parametrize("found", subclasses(), ids=name_of)
def test_a_method_marked_as_override_is_a_method_of_the_library_with_the_same_parameters(found: type) -> None:
    for name in methods(found, overrides=True):
        bases = [base for base in found.__mro__[1:] if name in vars(base)]
        assert bases, f"{found.__name__}.{name} overrides nothing"
        assert is_of_library(bases[0])
        assert parameters(found, name) == parameters(bases[0], name), name


@pytest.mark.parametrize("found", subclasses(), ids=name_of)
def test_a_method_without_the_mark_overrides_nothing(found: type) -> None:
    assert inherited(found).isdisjoint(methods(found, overrides=False))


@pytest.mark.parametrize("found", subclasses(), ids=name_of)
def test_a_class_attribute_without_an_annotation_is_one_of_the_library(found: type) -> None:
    names = {
        target.id for node in body_of(found) if isinstance(node, ast.Assign)
        for target in node.targets if isinstance(target, ast.Name)
    }
    assert names <= inherited(found)


@pytest.mark.parametrize("found", subclasses(), ids=name_of)
def test_every_name_used_on_self_is_defined_here_or_by_the_library(found: type) -> None:
    used = {
        node.attr for statement in body_of(found) for node in ast.walk(statement)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and is_self(node.value)
    }
    own = {
        node.attr for statement in body_of(found) for node in ast.walk(statement)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value)
    }
    assert used <= inherited(found) | own | set(vars(found)) | set(found.__annotations__)


def test_every_private_name_used_on_another_object_is_defined_by_the_libraries() -> None:
    used = {
        node.attr for module in modules() for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
        if not is_self(node.value)
    }
    assert {"_coordinator", "_coordination_task"} <= used
    assert used <= library_names()
