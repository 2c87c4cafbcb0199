"""The audit: every transition of the life-cycle table to another phase has one entry, with a reason."""

from __future__ import annotations

from classifiers.incidents.lifecycle import TABLE
from classifiers.incidents.params import TriageParams
from classifiers.incidents.triage import Triage
from classifiers.model import AuditEntry
from tests.classifiers.assignment_by_family import absorbing
from tests.classifiers.assignment_by_family import play as play_both
from tests.classifiers.latency_story import FLAP, QUIET, make, play


def trail(triage: Triage, story: str) -> list[AuditEntry]:
    play(triage, story)
    return triage.drain_audit()


def expected_trail(triage: Triage, story: str) -> list[AuditEntry]:
    """A story after which a human calls the open incident a planned change."""
    play(triage, story)
    (opened,) = triage.open_incidents()
    assert triage.resolve_expected(opened.id, "ana", float(len(story))) is not None
    return triage.drain_audit()


def closed_trail(triage: Triage, story: str) -> list[AuditEntry]:
    """A story after which a human declares the open incident over."""
    play(triage, story)
    (opened,) = triage.open_incidents()
    assert triage.resolve_by_hand(opened.id, "ben", float(len(story))) is not None
    return triage.drain_audit()


def ways(entries: list[AuditEntry]) -> set[tuple[str | None, str, str | None]]:
    return {(entry.before, entry.event, entry.after) for entry in entries if entry.before != entry.after}


def test_every_row_that_changes_the_phase_is_in_the_audit() -> None:
    accepting = TriageParams(flap_openings=2, accept_after_s=9.0)
    merged = absorbing(("latency", "quality"), from_s=4.0)
    play_both(merged, "...bs")
    note, known = "nn" + QUIET, absorbing(("quality", "latency"), from_s=12.0)
    play_both(known, "mm" + QUIET + "mmb")
    stories = [
        trail(make(), FLAP * 3 + "." * 30), trail(make(), "0" + QUIET), trail(make(), "00.0" + QUIET),
        trail(make(accepting), "0" * 12), trail(make(accepting), FLAP + "0" * 12), merged.drain_audit(),
        expected_trail(make(), "00"), expected_trail(make(), "00."), expected_trail(make(), FLAP * 2 + "00"),
        closed_trail(make(), "00"), closed_trail(make(), "00."), closed_trail(make(), FLAP * 2 + "00"),
        trail(make(), note * 2), trail(make(), note + "n" * 70), trail(make(accepting), note + "n" * 70),
        known.drain_audit(),
    ]
    assert set().union(*map(ways, stories)) == {
        (None if before == "watching" else before, event, after)
        for (before, event), after in TABLE.items() if before != after
    }


def test_an_incident_is_in_the_audit_from_the_first_alarm_to_the_end() -> None:
    entries = trail(make(), ".00.0" + QUIET)
    assert [(entry.at_s, entry.event, entry.before, entry.after) for entry in entries] == [
        (1.0, "alarm", None, "pending"), (2.0, "confirm", "pending", "open"), (3.0, "calm", "open", "clearing"),
        (4.0, "alarm", "clearing", "open"), (5.0, "calm", "open", "clearing"), (12.0, "hold", "clearing", "resolved"),
    ]
    pending, *rest = [entry.subject for entry in entries]
    assert pending == "chat/gpt/all latency"
    assert len(set(rest)) == 1
    assert entries[1].reason == "chat/gpt/all latency: latency_ms up in 2 instants within 3 s"
    assert entries[0].reason == "latency_ms is higher than expected, level 1.5 of the detector robust"
    assert all(entry.reason and entry.actor is None for entry in entries)


def test_entries_are_drained_once() -> None:
    triage = make()
    assert len(trail(triage, "00")) == 2
    assert triage.drain_audit() == []
