"""What was told lately need not be told again: a note that goes on after a short calm is withheld until it is more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classifiers.incidents.params import TriageParams
from classifiers.incidents.triage import Triage
from classifiers.incidents.triage_snapshot import dump, load
from classifiers.model import AuditEntry
from tests.classifiers.latency_story import QUIET, make, play
from tests.classifiers.readings import SERVICE

PARAMS = TriageParams(flap_openings=9)
NOTE = "nn" + QUIET
"""A note from its first alarm to its end, at the 9th second after it opened."""


def opened(triage: Triage, story: str, start_s: int = 0) -> list[tuple[float, str]]:
    """Second and severity of each opening."""
    return [
        (change.incident.opened_at_s, change.incident.severity) for change in play(triage, story, start_s)
        if change.change == "opened"
    ]


def moves(entries: list[AuditEntry]) -> list[tuple[str | None, str | None]]:
    return [(one.before, one.after) for one in entries]


def test_a_note_that_goes_on_after_a_short_calm_is_told_once() -> None:
    triage = make(PARAMS)
    assert opened(triage, NOTE * 5 + "." * 20) == [(1.0, "P3")]
    trail = triage.drain_audit()
    assert moves(trail[4:7]) == [(None, "pending"), ("pending", "withheld"), ("withheld", "dropped")]
    (first,) = {one.subject for one in trail if one.event == "confirm"}
    assert f"goes on after a short calm: told 10 s ago as {first}" in trail[5].reason
    assert trail[6].reason == f"no alarm for 8 s; was told as {first}"
    assert SERVICE not in triage.episodes


@pytest.mark.parametrize(("calm_s", "openings"), [(59, 1), (60, 1), (61, 2)])
def test_it_is_told_anew_after_a_longer_calm(calm_s: int, openings: int) -> None:
    # The last alarm was in second 1, and the next incident is confirmed by its second one.
    assert len(opened(make(PARAMS), "nn" + "." * (calm_s - 2) + "nn")) == openings


def test_what_gets_worse_than_a_note_opens_at_once() -> None:
    (_, first), (worse_s, severity) = opened(make(PARAMS), NOTE + "nn" + "N" * 20)
    assert (first, worse_s <= 14.0, severity < "P3") == ("P3", True, True)


def test_what_shows_elsewhere_opens_at_once() -> None:
    triage = make(PARAMS)
    changes = [one for one in play(triage, NOTE + "nn" + "0" * 20) if one.change == "opened"]
    assert [one.incident.replica for one in changes] == [None, "r0"]


def test_what_lasts_longer_than_the_note_opens() -> None:
    triage = make(PARAMS)
    assert opened(triage, NOTE + "n" * 70) == [(1.0, "P3"), (72.0, "P3")]
    (_, again) = [one for one in triage.drain_audit() if one.event == "confirm"]
    assert (again.before, again.reason[-10:]) == ("withheld", "after 61 s")


def test_it_opens_as_flapping_where_its_kind_opened_often() -> None:
    triage = make(replace(PARAMS, flap_openings=2))
    changes = play(triage, NOTE + "n" * 70)
    assert [one.incident.state for one in changes if one.change == "opened"] == ["open", "flapping"]


def test_a_page_is_always_told() -> None:
    assert len(opened(make(PARAMS), ("00" + QUIET) * 3)) == 3
    assert len(opened(make(PARAMS), "00" + QUIET + NOTE)) == 2


def test_a_note_is_told_at_least_every_half_hour() -> None:
    comes_and_goes = (NOTE + "." * 20) * 61
    assert [at_s for at_s, _ in opened(make(PARAMS), comes_and_goes)] == [1.0, 1801.0]


def test_what_people_acted_on_is_always_told() -> None:
    triage = make(PARAMS)
    (first,) = (change.incident.id for change in play(triage, NOTE) if change.change == "resolved")
    triage.note_people(first, acted=True)
    assert len(opened(triage, NOTE, 10)) == 1


@pytest.mark.parametrize("cut", range(8, 30))
def test_a_restart_changes_nothing(cut: int) -> None:
    story = NOTE + "nn" + QUIET + "nn" + "n" * 90
    whole, before, after = make(PARAMS), make(PARAMS), make(PARAMS)
    expected = play(whole, story)
    changes = play(before, story[:cut])
    load(after, dump(before))
    assert changes + play(after, story[cut:], cut) == expected
    assert dump(after) == dump(whole)


def test_a_snapshot_from_before_has_no_beginnings_and_is_read() -> None:
    triage, later = make(PARAMS), make(PARAMS)
    play(triage, "nn")
    data = dump(triage)
    for episode in data["episodes"]:
        for name in ("confirmed_at_s", "published_id", "published_at_s"):
            del episode["state"][name]
    load(later, data)
    assert play(later, QUIET, 2) == play(triage, QUIET, 2)
    assert later.builder.recurrence.occurrences == triage.builder.recurrence.occurrences
