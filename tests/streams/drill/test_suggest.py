"""The drill `suggest` passes on the embedded broker, and each of its bars fails where it is not met."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from click.testing import CliRunner

from streams.cli import main
from streams.drill import suggest
from streams.drill.suggest import Course, checks_of, drill_suggest
from streams.drill.verdict import DrillError

BROKEN: dict[str, Callable[[Course], Course]] = {
    "asked_after_s": lambda one: replace(one, told_s=(one.asked_s or 0.0) + 2.5),
    "approved_by": lambda one: replace(one, requests=[replace(one.requests[-1], given=one.requests[-1].given[:1])]),
    "cli_exit_code": lambda one: replace(one, cli=1),
    "http_status": lambda one: replace(one, http=401),
    "request": lambda one: replace(one, requests=[replace(one.requests[-1], state="expired")]),
    "in_the_audit": lambda one: replace(one, audit=[]),
    "ran": lambda one: replace(one, outcomes=[*one.outcomes, *(each for each in one.outcomes if not each.undo)]),
    "set_at_the_gateway": lambda one: replace(one, changes=[one.changes[0], *one.changes]),
    "remedy": lambda one: replace(one, incident=one.incident and replace(one.incident, remedies=())),
    "incident": lambda one: replace(one, incident=one.incident and replace(one.incident, state="open")),
    "undone_at_the_gateway": lambda one: replace(one, changes=one.changes[:1]),
    "told_of": lambda one: replace(one, outcomes=[each for each in one.outcomes if each.kind != "notify"]),
}
"""By check, a course in which it is not met."""


async def test_a_suggestion_is_approved_by_both_ways_runs_once_helps_and_is_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    courses: list[Course] = []

    def kept(course: Course) -> object:
        courses.append(course)
        return checks_of(course)

    monkeypatch.setattr(suggest, "checks_of", kept)
    result = await drill_suggest()
    assert result.passed, result.as_json()
    (course,) = courses
    assert BROKEN.keys() == {check.name for check in result.checks}
    for name, broken in BROKEN.items():
        assert name in {check.name for check in checks_of(broken(course)) if not check.passed}


def test_where_nothing_was_seen_no_check_passes() -> None:
    assert [check.name for check in checks_of(Course()) if check.passed] == []


async def test_a_worker_that_ends_is_no_result() -> None:
    with pytest.raises(DrillError, match="worker"):
        await drill_suggest(worker=(sys.executable, "-c", "raise SystemExit('out of order')"))


def test_a_drill_without_a_result_exits_with_1_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing() -> object:
        raise DrillError("the worker ended")

    monkeypatch.setattr(suggest, "drill_suggest", failing)
    tried = CliRunner().invoke(main, ["drill", "suggest"])
    assert (tried.exit_code, tried.stderr) == (1, "tocsin drill suggest: the worker ended\n")


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    tried = CliRunner().invoke(main, ["drill", "suggest"])
    assert (tried.exit_code, "install Tocsin with the extra demo" in tried.stderr) == (2, True)
