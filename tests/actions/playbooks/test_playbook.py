"""Playbooks refuse what cannot be meant, by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from actions.base import Bounds
from actions.playbooks.playbook import Match, Playbook, Step, unrender

STEP = Step("notify", "{service}")


@pytest.mark.parametrize(("make", "field"), [
    (lambda: Match(("bad_mood",)), "Match.categories: 'bad_mood'"),  # type: ignore[arg-type]
    (lambda: Match(severities=("P9",)), "Match.severities: 'P9'"),  # type: ignore[arg-type]
    (lambda: Match(scopes=("rack",)), "Match.scopes: 'rack'"),  # type: ignore[arg-type]
    (lambda: Step("", "{service}"), "Step.kind"),
    (lambda: Step("notify", ""), "Step.target"),
    (lambda: Step("notify", "{service"), "Step.target"),
    (lambda: Step("notify", "{host}"), "Step.target"),
    (lambda: Step("notify", "{service.__class__}"), "Step.target"),
    (lambda: Step("notify", "{service!r}"), "Step.target"),
    (lambda: Step("notify", "{service}", wait_s=float("nan")), "Step.wait_s"),
    (lambda: Step("notify", "{service}", mode="yolo"), "Step.mode"),  # type: ignore[arg-type]
    (lambda: Playbook("", 1, Match(), "auto", (STEP,)), "Playbook.name"),
    (lambda: Playbook("p", 0, Match(), "auto", (STEP,)), "Playbook.version"),
    (lambda: Playbook("p", 1, Match(), "on", (STEP,)), "Playbook.mode"),  # type: ignore[arg-type]
    (lambda: Playbook("p", 1, Match(), "auto", ()), "Playbook.steps: 0 steps"),
    (lambda: Playbook("p", 1, Match(), "auto", (STEP,), 0.0), "Playbook.expires_after_s"),
    (lambda: Bounds(timeout_s=0.0), "Bounds.timeout_s"),
    (lambda: Bounds(attempts=0), "Bounds.attempts"),
])
def test_value_out_of_range_is_named(make: Callable[[], object], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        make()


def test_target_of_another_template_is_not_taken_apart() -> None:
    assert unrender("{service}/{replica}", "chat") is None
    assert unrender("{service}/{replica}", "a/b/c") is None
