"""The operator's map of services: direct, indirect, by pattern, and never in a circle."""

from __future__ import annotations

import pytest

from classifiers.incidents.dependencies import Dependency, DependencyMap
from classifiers.incidents.params import TriageParams


def needs(**known: str) -> DependencyMap:
    """`chat="retriever, vector*"`; a double underscore in a name stands for `*`."""
    return DependencyMap([
        Dependency(name.replace("__", "*"), tuple(on.replace(",", " ").split())) for name, on in known.items()
    ])


def depends(known: DependencyMap, service: str, on: str) -> bool:
    """Whether one service needs another, directly or through others."""
    return known.candidates([service], {on: 1}) == {service: [on]}


STACK = needs(chat="retriever, gateway", retriever="vector*", agent__="chat")


@pytest.mark.parametrize(
    ("service", "on", "does"),
    [
        ("chat", "retriever", True), ("chat", "vectordb", True), ("agent-7", "vector1", True),
        ("retriever", "chat", False), ("chat", "agent-7", False), ("chat", "chat", False), ("other", "chat", False),
        ("vectordb", "vector2", False),
    ],
)
def test_a_service_needs_what_it_names_and_what_that_needs(service: str, on: str, does: bool) -> None:
    assert depends(STACK, service, on) == does


def test_a_pattern_on_the_way_leads_on_through_every_service_it_may_stand_for() -> None:
    assert depends(needs(chat="vector*", vectordb="disk"), "chat", "disk")


def test_of_many_services_those_that_are_needed_are_found_by_name_and_by_pattern() -> None:
    among = {"vector1": 1, "vector2": 1, "gateway": 1, "chat": 1, "other": 1}
    assert STACK.candidates(["chat", "retriever", "other", "gateway"], among) == {
        "chat": ["gateway", "vector1", "vector2"], "retriever": ["vector1", "vector2"],
    }


@pytest.mark.parametrize(("service", "explains"), [("vector9", True), ("chat", True), ("agent-1", False)])
def test_what_nobody_needs_explains_nothing(service: str, explains: bool) -> None:
    assert STACK.explains(service) == explains


def test_everything_may_need_one_service_which_then_does_not_need_itself() -> None:
    everything = needs(__="broker")
    assert (depends(everything, "chat", "broker"), depends(everything, "broker", "broker")) == (True, False)


@pytest.mark.parametrize(
    ("known", "circle"),
    [
        ({"chat": "chat"}, "chat -> chat"), ({"a": "b", "b": "c", "c": "a"}, "a -> b -> c -> a"),
        ({"a__": "b*", "bx": "ay"}, "ay -> bx -> ay"), ({"__": "broker", "broker": "disk"}, "broker -> disk -> broker"),
        ({"chat__": "chat*"}, "chat* -> chat*"),
    ],
)
def test_a_circle_is_refused_by_the_names_on_it(known: dict[str, str], circle: str) -> None:
    with pytest.raises(ValueError, match=r"dependencies is .*, expected no service that needs itself") as refused:
        needs(**known)
    found = str(refused.value).removeprefix("dependencies is ").split(",")[0].split(" -> ")
    assert found[0] == found[-1]
    assert set(found) == set(circle.split(" -> "))


def test_parameters_refuse_a_circle_too() -> None:
    with pytest.raises(ValueError, match=r"a -> b -> a|b -> a -> b"):
        TriageParams(dependencies=(Dependency("a", ("b",)), Dependency("b", ("a",))))


@pytest.mark.parametrize(("service", "on"), [("", ("a",)), ("a", ()), ("a", ("",))])
def test_an_empty_name_is_refused(service: str, on: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Dependency(service, on)


def test_many_services_are_worked_out_again_rather_than_kept_for_ever() -> None:
    known = needs(chat__="db")
    assert all(depends(known, f"chat{number}", "db") for number in range(10_050))
    assert len(known._upstream) <= 10_000
