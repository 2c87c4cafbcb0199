"""Playbooks merge from layers, and each setting keeps its place in its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.model import ApprovalTerms
from actions.playbooks.playbook import Playbook
from actions.playbooks.policy import playbook_of
from config import examine, read_playbooks
from tests.actions.cases import incident
from tests.config.texts import load_text, problems

GATEWAY = "actions: {circuit_breaker: {url: 'http://127.0.0.1/{target}'}, throttle: {url: 'http://127.0.0.1/{target}'}}\n"
REPLICA = "{id: isolate, action: circuit_breaker, target: '{service}/{replica}'}"


def books(tmp_path: Path, text: str) -> dict[str, Playbook]:
    return {book.name: book for book in load_text(tmp_path, "version: 1\n" + GATEWAY + text).playbooks}


def book_text(name: str, more: str, steps: str) -> str:
    return f"playbooks:\n  - {{name: {name}, version: 1, {more}, steps: [{steps}]}}\n"


def test_every_category_has_a_shipped_playbook_that_only_suggests_and_has_a_runbook() -> None:
    shipped = read_playbooks(None)
    for category in (
        "model_degradation", "performance_degradation", "context_pipeline", "resource_exhaustion", "data_quality",
        "availability", "security", "telemetry",
    ):
        book = playbook_of(incident(category=category), shipped)
        assert book.name == category.replace("_", "-")
        assert {step.mode or book.mode for step in book.steps} <= {"suggest"}
        assert "1. " in book.runbook
        assert book.on_open


def test_the_shipped_configuration_leaves_out_what_has_no_action_and_notifies(tmp_path: Path) -> None:
    found = load_text(tmp_path, "version: 1\n").playbooks
    assert {step.action for book in found for step in book.steps} == set()
    book = playbook_of(incident(category="availability"), found)
    assert "step isolate is left out: no action circuit_breaker is configured" in book.left_out


def test_a_book_without_a_level_stands_alone_on_the_defaults(tmp_path: Path) -> None:
    found = books(tmp_path, book_text("mine", "match: {scopes: [replica]}, mode: auto", REPLICA))
    assert [step.id for step in found["mine"].steps] == ["isolate"]
    assert (found["mine"].layers, found["mine"].on_failure) == (("base", "mine"), ("page",))
    assert next(iter(found)) == "mine"


def test_a_book_of_a_service_is_laid_over_each_category_by_the_ids_of_its_steps(tmp_path: Path) -> None:
    steps = "{id: isolate, mode: auto, verify: {within: 9m}}, {id: first, action: throttle, target: '{service}'}"
    match = "level: service, match: {service: 'ch*', categories: [availability]}"
    found = books(tmp_path, book_text("chat", match, steps))
    book = found["chat+availability"]
    assert [step.id for step in book.steps] == ["first", "isolate", "fall-back"]
    isolate = book.steps[1]
    assert (isolate.mode, isolate.verify.within_s, isolate.verify.settle_s) == ("auto", 540.0, 30.0)
    assert (isolate.action, isolate.when.alone_by) == ("circuit_breaker", 0.8)
    assert book.layers == ("base", "availability", "chat")
    assert book.fits(incident(category="availability", service="chat"))
    assert not book.fits(incident(category="availability", service="search"))
    assert not book.fits(incident(category="availability", service="chat", peak_severity="P4"))
    assert [step.id for step in found["chat"].steps] == ["first"]
    assert "chat+security" not in found


def test_a_book_of_the_name_of_a_shipped_one_is_laid_over_it(tmp_path: Path) -> None:
    found = books(tmp_path, "playbooks: [{name: availability, steps: [{id: isolate, mode: auto}]}]\n")
    book = found["availability"]
    assert [(step.id, step.mode) for step in book.steps] == [("isolate", "auto"), ("fall-back", None)]
    assert (book.version, book.mode, book.steps[1].approval) == (1, "suggest", ApprovalTerms())


def test_one_line_lets_every_shipped_step_act_but_those_that_always_ask(tmp_path: Path) -> None:
    found = books(tmp_path, "playbooks: [{name: base, mode: auto}]\n")
    assert {book.mode for book in found.values()} == {"auto"}
    asking = {step.id for book in found.values() for step in book.steps if step.approval is not None}
    assert asking == {"fall-back"}


def test_replace_takes_the_place_of_one_shipped_book_or_of_all(tmp_path: Path) -> None:
    step = "{action: throttle, target: '{service}'}"
    own = "name: availability, version: 2, level: category, replace: true, match: {}, mode: auto"
    over = f"{{{own}, steps: [{step}]}}"
    found = books(tmp_path, f"playbooks: [{over}]\n")
    assert [one.id for one in found["availability"].steps] == ["throttle"]
    assert "security" in found
    only = book_text("mine", "match: {}, mode: auto", step) + "  - {replace: true}\n"
    assert list(books(tmp_path, only)) == ["mine"]


def test_what_was_written_before_steps_had_ids_still_loads(tmp_path: Path) -> None:
    step = "{kind: throttle, target: '{service}', wait: 90s, keep: true}"
    (found,) = books(tmp_path, book_text("old", "match: {}, mode: auto", f"{step}, {step}"))["old"].steps[1:]
    assert (found.action, found.id, found.verify.within_s, found.undo) == ("throttle", "throttle-2", 90.0, "never")


@pytest.mark.parametrize(("step", "expected"), [
    ("{action: throttle, target: '{host}'}",
     ":4: playbooks[0].steps[0].target: got '{host}', expected placeholders among service, model, version, replica"),
    ("{action: throttle, target: a, undo: later}",
     ":4: playbooks[0].steps[0].undo: got 'later', expected one of when_over, when_failed, never"),
    ("{action: throttle, target: a, when: {alone_by: 2}}",
     ":4: playbooks[0].steps[0].when.alone_by: got 2.0, expected a number from 0 to 1"),
    ("{action: throttle, target: a, approval: {via: [fax]}}",
     ":4: playbooks[0].steps[0].approval.via[0]: got 'fax', expected one of cli, http, slack"),
    ("{id: isolat, mode: auto, target: a}",
     ":4: playbooks[0].steps[0].id: got 'isolat', expected the id of a shipped step (did you mean isolate?)"),
    ("{kind: throttle, action: throttle, target: a}",
     ":4: playbooks[0].steps[0]: got the unknown setting 'kind', expected "),
])
def test_a_mistake_is_named_once_with_its_place_as_written(tmp_path: Path, step: str, expected: str) -> None:
    text = "version: 1\n" + GATEWAY + book_text("mine", "level: service, match: {}", step)
    found = problems(tmp_path, text)
    assert [one[: len(expected)] for one in found] == [expected]


def test_a_shipped_playbook_is_no_reason_for_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("version: 1\nscopes: {marginals: [version]}\n" + GATEWAY)
    assert examine(file, {})[1] == ()
