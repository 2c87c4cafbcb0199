"""Playbooks refuse what cannot be meant, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from actions.base import Bounds
from actions.model import ApprovalTerms
from actions.playbooks.identity import digest
from actions.playbooks.playbook import Match, Playbook, Step, Verify, unrender
from actions.playbooks.prerequisites import When

STEP = Step("notify", "{service}")


@pytest.mark.parametrize(("make", "field"), [
    (lambda: Match(("bad_mood",)), "Match.categories: 'bad_mood'"),  # type: ignore[arg-type]
    (lambda: Match(severities=("P9",)), "Match.severities: 'P9'"),  # type: ignore[arg-type]
    (lambda: Match(scopes=("rack",)), "Match.scopes: 'rack'"),  # type: ignore[arg-type]
    (lambda: Step("", "{service}"), "Step.action"),
    (lambda: Step("notify", ""), "Step.target"),
    (lambda: Step("notify", "{service"), "Step.target"),
    (lambda: Step("notify", "{host}"), "Step.target"),
    (lambda: Step("notify", "{service.__class__}"), "Step.target"),
    (lambda: Step("notify", "{service!r}"), "Step.target"),
    (lambda: Step("notify", "{service}", hold_s=float("nan")), "Step.hold_s"),
    (lambda: Step("notify", "{service}", retries=2), "Step.retries"),
    (lambda: Step("notify", "{service}", id="a b"), "Step.id: 'a b'"),
    (lambda: Step("notify", "{service}", undo="later"), "Step.undo: 'later'"),  # type: ignore[arg-type]
    (lambda: Step("notify", "{service}", on_failure="x"), "Step.on_failure: 'x'"),  # type: ignore[arg-type]
    (lambda: Step("notify", "{service}", when=When(http_ok="http://{host}")), "Step.when"),
    (lambda: Step("notify", "{service}", approval=ApprovalTerms(roles=())), "Step.approval: no roles"),
    (lambda: Step("notify", "{service}", approval=ApprovalTerms(count=0)), "Step.approval: count 0"),
    (lambda: Step("notify", "{service}", approval=ApprovalTerms(expires_after_s=1)), "Step.approval: expires_after 1"),
    (lambda: Step("notify", "{service}", approval=ApprovalTerms(via=("fax",))), "'fax'"),  # type: ignore[arg-type]
    (lambda: When(alone_by=1.5), "When.alone_by: 1.5"),
    (lambda: When(version_younger_than_s=-1.0), "When.version_younger_than_s"),
    (lambda: Verify(min_samples=0), "Verify.min_samples"),
    (lambda: Step("notify", "{service}", mode="yolo"), "Step.mode"),  # type: ignore[arg-type]
    (lambda: Playbook("", 1, Match(), "auto", (STEP,)), "Playbook.name"),
    (lambda: Playbook("p", 0, Match(), "auto", (STEP,)), "Playbook.version"),
    (lambda: Playbook("p", 1, Match(), "on", (STEP,)), "Playbook.mode"),  # type: ignore[arg-type]
    (lambda: Playbook("p", 1, Match(), "auto", (STEP,) * 17), "Playbook.steps: 17 steps"),
    (lambda: Playbook("p", 1, Match(), "auto", (replace(STEP, id="a"),) * 2), "Playbook.steps: 'a' twice"),
    (lambda: Playbook("p", 1, Match(), "auto", (STEP,), 0.0), "Playbook.expires_after_s"),
    (lambda: Playbook("p", 1, Match(), "auto", order="best"), "Playbook.order: 'best'"),  # type: ignore[arg-type]
    (lambda: Bounds(timeout_s=0.0), "Bounds.timeout_s"),
    (lambda: Bounds(attempts=0), "Bounds.attempts"),
])
def test_value_out_of_range_is_named(make: Callable[[], object], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        make()


def test_target_of_another_template_is_not_taken_apart() -> None:
    assert unrender("{service}/{replica}", "chat") is None
    assert unrender("{service}/{replica}", "a/b/c") is None


def test_a_step_without_an_id_is_named_like_its_action_and_the_second_one_is_numbered() -> None:
    book = Playbook("p", 1, Match(), "auto", (STEP, replace(STEP, id="tell"), STEP))
    assert [step.id for step in book.steps] == ["notify", "tell", "notify-2"]


def test_the_digest_changes_with_any_term_and_not_with_a_text_for_people() -> None:
    book = Playbook("p", 1, Match(), "auto", (STEP,))
    assert digest(replace(book, runbook="look at the gateway")) == digest(book)
    steps = (replace(STEP, hold_s=60.0),)
    others = [replace(book, version=2), replace(book, steps=steps), replace(book, mode="suggest")]
    assert len({digest(book), *map(digest, others)}) == 4
