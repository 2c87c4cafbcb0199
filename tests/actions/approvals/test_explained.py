"""What is asked of an approver says what would be done, for how long, and how it is judged."""

from __future__ import annotations

from dataclasses import replace

from actions.approvals.explained import explained
from actions.approvals.request import request_of
from actions.channels.texts import approval_text
from actions.model import Fleet, RemedyTerms
from tests.actions.approvals.cases import T, suggested


def test_parameters_the_part_that_is_hit_terms_and_siblings_are_named() -> None:
    intent = suggested(
        version="v2", params={"factor": 0.5, "timeout_s": 20.0, "title": "v2 is slow", "fleet_size": 4, "cap": None},
        remedy=RemedyTerms(hold_s=600.0, settle_s=5.0, within_s=60.0, min_samples=40), fleet=Fleet(4, 3, 1),
    )
    assert explained(intent) == [
        ("what is hit", "version v2"), ("factor", "0.5"), ("ended after", "20.0 s"),
        ("stays", "until the incident is over, for 10 min at most"),
        ("is judged", "5 s after it ran, within 60 s, by 40 requests at least"),
        ("replicas", "4 known, 3 healthy, 1 alarming"),
    ]


def test_what_is_not_known_is_not_named_and_what_is_never_undone_is_said() -> None:
    assert explained(suggested()) == []
    never = dict(explained(suggested(remedy=RemedyTerms(undo="never"))))
    assert never["stays"] == "is not taken back by itself"
    assert explained(suggested(remedy=RemedyTerms(), undo=True)) == []


def test_a_rollback_says_to_which_version_or_that_it_is_chosen_when_it_runs() -> None:
    back = suggested(kind="rollback", version="v2")
    said = dict(explained(back))["goes to"]
    assert said.startswith("the last good version, chosen when it runs: the newest version before v2")
    named = dict(explained(replace(back, params={"to_version": "v1"})))
    assert (named["to version"], named.get("goes to")) == ("v1", None)


def test_a_channel_is_told_it_too() -> None:
    request = request_of(suggested(params={"factor": 0.5}), 0, 1, T)
    assert "factor: 0.5" in approval_text(request, "P1", "n1", "/tocsin/test").text
