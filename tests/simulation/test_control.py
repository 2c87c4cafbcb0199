"""Directives to a shard that watches a small fleet: applied in time, once, and the same after a restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from classifiers.directives import Acknowledge, Deployment, Directive, Expire, Matcher, Silence
from classifiers.intervals import IntervalParams, TimeRange
from classifiers.silences import MaintenanceWindow
from streams.pipeline import Shard
from tests.simulation.fleet import ACTING, PLAN, Fleet, Second, T, fleet, sick
from tests.simulation.run import Run

SICK_AT_S = T + 120.0
"""When the replica falls ill, after two minutes of health."""
R1 = (Matcher("service", "=", "chat"), Matcher("replica", "=~", "r1|r2"))


def silence(from_s: float, until_s: float) -> Silence:
    return Silence("s1", R1, from_s, until_s, "ana", "new cards")


def watched_fleet(*directives: Directive) -> Fleet:
    """A fleet that fell ill after two minutes of health, and recovered; the directives were known from the start."""
    watched = fleet(ACTING)
    watched.run.add_directives(directives)
    return watched.play(120).play(40, sick("r1")).play(20)


def silenced(watched: Fleet) -> list[tuple[str, str | None]]:
    """The changes of the incident with their silence, without repeats."""
    changes = [(change, incident.silenced_by) for change, incident in watched.run.changes]
    return [each for at, each in enumerate(changes) if at == 0 or changes[at - 1] != each]


def test_a_silence_prevents_actions_and_changes_nothing_else() -> None:
    silenced_fleet, other_fleet = watched_fleet(silence(T, T + 600.0)), watched_fleet()
    (quiet,), (loud,) = silenced_fleet.run.incidents.values(), other_fleet.run.incidents.values()
    assert quiet.id == loud.id
    assert (quiet.severity, quiet.category, quiet.resolved_at_s) == (loud.severity, loud.category, loud.resolved_at_s)
    assert (quiet.state, quiet.silenced_by, silenced_fleet.run.intents) == ("resolved", "s1", [])
    assert [each.kind for each in other_fleet.run.intents] == ["circuit_breaker"]


def test_a_silence_that_ends_during_the_incident_allows_actions() -> None:
    watched = watched_fleet(silence(T, SICK_AT_S + 20.0))
    assert silenced(watched)[0] == ("opened", "s1")
    (intent,) = watched.run.intents
    assert intent.decided_at_s == SICK_AT_S + 20.0


def test_a_silence_that_is_expired_does_the_same() -> None:
    watched = watched_fleet(silence(T, T + 600.0), Expire("s1", "ben", SICK_AT_S + 15.0))
    assert [intent.decided_at_s for intent in watched.run.intents] == [SICK_AT_S + 15.0]


def test_a_silence_of_another_replica_changes_nothing() -> None:
    other = replace(silence(T, T + 600.0), matchers=(Matcher("replica", "=", "r3"),))
    assert watched_fleet(other).run.results() == watched_fleet().run.results()


def test_a_silence_during_the_incident_is_published_and_audited() -> None:
    watched = watched_fleet(silence(SICK_AT_S + 20.0, SICK_AT_S + 30.0))
    assert [by for _, by in silenced(watched)] == [None, None, "s1", None, None]
    audit = [(entry.event, entry.at_s, entry.actor) for entry in watched.run.audit]
    assert [entry for entry in audit if entry[0] in ("silence", "lift")] == [
        ("silence", SICK_AT_S + 20.0, "ana"), ("lift", SICK_AT_S + 30.0, None),
    ]


def test_a_maintenance_window_does_what_a_silence_does() -> None:
    window = MaintenanceWindow("cards", (IntervalParams(times=(TimeRange("07:46", "07:49"),)),), ("replica=r1",))
    watched = Fleet(Run(Shard(replace(ACTING, maintenance=(window,)))), ("r0", "r1", "r2", "r3"))
    watched.play(120).play(40, sick("r1")).play(20)
    (intent,) = watched.run.intents
    assert silenced(watched)[0] == ("opened", "cards")
    assert intent.decided_at_s == SICK_AT_S + 20.0


def acknowledged(watched: Fleet) -> list[str | None]:
    found = [None if each.acknowledged is None else each.acknowledged.by for _, each in watched.run.changes]
    return [each for at, each in enumerate(found) if at == 0 or found[at - 1] != each]


def test_an_acknowledgement_suppresses_the_notification_until_it_ends() -> None:
    """No playbook fits: the incident is notified."""
    watched = fleet(PLAN).play(120).play(1, sick("r1"))
    watched.run.add_directives([silence(T, SICK_AT_S + 10.0)])
    while not watched.run.incidents:
        watched.play(1, sick("r1"))
    (opened,) = watched.run.incidents.values()
    watched.run.add_directives([Acknowledge(opened.id, "ben", watched.now_s, SICK_AT_S + 25.0)])
    watched.play(40, sick("r1"))
    assert acknowledged(watched) == [None, "ben", None]
    assert [(each.kind, each.decided_at_s) for each in watched.run.intents] == [("notify", SICK_AT_S + 25.0)]


DIRECTIVES: tuple[Directive, ...] = (
    silence(SICK_AT_S + 5.0, SICK_AT_S + 20.0), Deployment("chat", None, "v2", SICK_AT_S + 1.0),
)


@pytest.mark.parametrize("restart_at", [118, 123, 130, 141])
def test_a_restart_changes_nothing_although_every_directive_is_read_again(restart_at: int) -> None:
    watched = fleet(ACTING)
    watched.run.add_directives(DIRECTIVES)
    for second in range(180):
        if second == restart_at:
            watched.run.restart()
            watched.run.add_directives(DIRECTIVES)
        watched.play(1, sick("r1") if 120 <= second < 160 else lambda _, __: Second())
    assert watched.run.results() == watched_fleet(*DIRECTIVES).run.results()


@pytest.mark.parametrize("order", [tuple, lambda directives: tuple(reversed(directives))])
def test_the_order_in_which_directives_come_does_not_matter(
    order: Callable[[tuple[Directive, ...]], tuple[Directive, ...]],
) -> None:
    assert watched_fleet(*order(DIRECTIVES)).run.results() == watched_fleet(*DIRECTIVES).run.results()


def test_a_deployed_version_is_suspected_before_its_first_record() -> None:
    """A deployment is reported when it begins; records of the version come once it answers."""
    watched = fleet(PLAN)
    deployed = [Deployment("chat", None, "v2", T + 60.0), Deployment("other", None, "v9", T + 60.0)]
    watched.run.add_directives(deployed)
    watched.play(70)
    assert watched.run.shard.triage.builder.versions == {("chat", "gpt"): {"v1": T + 1.0, "v2": T + 60.0}}
