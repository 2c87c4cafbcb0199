"""The drills on a simulated clock pass, and each fails where what it rehearses is broken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import orjson
import pytest
from click.testing import CliRunner

from actions import limits
from actions.approvals.desk import Desk
from actions.limits import Admission
from actions.remedies import keeper
from actions.trust.approvals import ApprovalCheck
from streams.cli import main
from streams.drill import failed_remedy, lost_incident, outage, unanswered
from streams.drill.simulated_fleet import SimulatedFleet, sick
from streams.drill.simulated_gateway import Gateway
from streams.drill.verdict import Check, DrillResult

Drill = Callable[[], Awaitable[DrillResult]]
ALL: tuple[Drill, ...] = (
    unanswered.drill_unanswered, failed_remedy.drill_failed_remedy, lost_incident.drill_lost_incident,
    outage.drill_outage,
)


def failed(result: DrillResult) -> set[str]:
    assert result.passed == all(check.passed for check in result.checks)
    return {check.name for check in result.checks if not check.passed}


@pytest.mark.parametrize("drill", ALL)
async def test_the_drill_passes(drill: Drill) -> None:
    assert failed(await drill()) == set()


async def test_unanswered_fails_with_a_desk_that_never_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    due = Desk._due
    monkeypatch.setattr(Desk, "_due", lambda self, request, now_s: due(self, request, min(now_s, request.changed_at_s)))
    found = failed(await unanswered.drill_unanswered())
    assert {"unanswered.requests", "unanswered.in_the_audit"} <= found
    assert "rejected.requests" not in found


async def test_unanswered_fails_where_anybody_may_approve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ApprovalCheck, "fault", lambda *_: None)
    assert {"rejected.requests", "rejected.ran"} <= failed(await unanswered.drill_unanswered())


async def test_failed_remedy_fails_where_nobody_is_paged_and_no_step_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    ladder = failed_remedy.LADDER
    first, second = ladder.steps
    stopping = replace(ladder, on_failure=(), steps=(replace(first, on_failure="stop"), second))
    monkeypatch.setattr(failed_remedy, "LADDER", stopping)
    assert failed(await failed_remedy.drill_failed_remedy()) == {
        "pages", "paged_after_s", "next_step", "next_step_after_s", "gateway",
    }


async def test_failed_remedy_fails_where_a_failed_run_takes_a_cooldown(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Admission(False, "cooldown", "cooldown", "cooldown")
    monkeypatch.setattr(
        limits, "check_cooldown",
        lambda intent, *_: held if intent.kind == "circuit_breaker" else Admission(True, "cooled down"),
    )
    assert {"next_step", "held_by_a_cooldown"} <= failed(await failed_remedy.drill_failed_remedy())


async def test_lost_incident_fails_where_nothing_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(keeper.RemedyKeeper, "handle", nothing)
    found = failed(await lost_incident.drill_lost_incident())
    names = ("half_open_after_s", "closed_after_s", "gateway", "pages")
    assert {f"without_a_worker.{name}" for name in names} <= found
    assert "with_a_new_worker.closed_after_s" in found


async def test_outage_fails_where_one_replica_is_to_blame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "_slow", lambda since_s: sick("r3", since_s))
    assert {"scopes", "breakers_opened"} <= failed(await outage.drill_outage())


async def test_outage_fails_where_the_executor_has_no_limit_on_siblings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "check_siblings", lambda *_: None)
    assert failed(await outage.drill_outage()) == {"refused_where_each_replica_is_blamed", "refused_by"}


def test_a_result_without_a_check_has_not_passed() -> None:
    assert not DrillResult("x", ()).passed


def test_every_run_has_the_same_requests() -> None:
    first, second = (SimulatedFleet(("r0", "r1")).requests(0.0, 2.0, sick("r0", 1.0)) for _ in range(2))
    assert first == second
    assert len(first) == 40
    assert Gateway().state("throttle", "chat") == "closed"


def test_the_command_prints_what_was_observed_with_its_bar_and_exits_with_1_when_it_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passed = CliRunner().invoke(main, ["drill", "outage"])
    found = orjson.loads(passed.stdout)
    assert (passed.exit_code, found["passed"]) == (0, True)
    assert found["checks"]["incidents"] == {"observed": 1, "bar": "1", "passed": True}

    async def failing() -> DrillResult:
        return DrillResult("outage", (Check("incidents", 20, "1", False),))

    monkeypatch.setattr(outage, "drill_outage", failing)
    assert CliRunner().invoke(main, ["drill", "outage"]).exit_code == 1


def test_the_drills_are_listed_with_how_long_each_takes() -> None:
    listed = CliRunner().invoke(main, ["drill", "--list"])
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    assert (listed.exit_code, names) == (
        0, ["suggest", "unanswered", "failed-remedy", "lost-incident", "outage", "crash", "forge"],
    )
