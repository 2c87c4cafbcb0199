"""Which audience hears which event, and why."""

from __future__ import annotations

import pytest

from actions.audiences.audience import OrIf, Reach
from actions.audiences.decide import History, judge, tenants_of
from classifiers.model import Forecast, Incident
from tests.actions.audiences.cases import T, audience, deviating, incident

EXECUTIVES = Reach("P1", ("open", "change", "close"), 1800.0, OrIf(3600.0, 5))
FIVE = deviating("a", "b", "c", "d", "e")
LONG = Forecast(1800.0, 4000.0, 9000.0, 0.9, 12)
NEVER = History()


@pytest.mark.parametrize(
    ("found", "answer", "part"),
    [
        (incident(), "tell", "severity P1 reaches P1"),
        (incident(peak_severity="P0"), "tell", "severity P0 reaches P1"),
        (incident(peak_severity="P2"), "no", "its duration is not forecast, its tenants are unknown"),
        (incident(peak_severity="P2", evidence=FIVE), "tell", "5 tenants deviate, at least 5"),
        (incident(peak_severity="P2", evidence=FIVE[1:]), "no", "4 tenants deviate, not 5"),
        (incident(peak_severity="P3", expected_resolve=LONG), "tell", "expected to last 67 min, at least 60 min"),
        (incident(silenced_by="nightly"), "no", "silenced by nightly"),
    ],
)
def test_severity_or_a_threshold_makes_an_incident_worth_telling(found: Incident, answer: str, part: str) -> None:
    judged = judge(audience("executive", EXECUTIVES), found, "open", NEVER, T)
    assert judged.answer == answer
    assert any(part in reason for reason in judged.reasons), judged.reasons


def test_tenants_that_nothing_measures_are_unknown_and_not_none_hit() -> None:
    assert tenants_of(incident()) is None
    assert tenants_of(incident(evidence=deviating("b", "a"))) == ("a", "b")


@pytest.mark.parametrize(
    ("last_s", "now_s", "answer"),
    [(None, T + 1799, "no"), (None, T + 1800, "tell"), (T + 600, T + 2399, "no"), (T + 600, T + 2400, "tell")],
)
def test_the_regular_update_is_due_after_the_last_telling(last_s: float | None, now_s: float, answer: str) -> None:
    assert judge(audience("executive", EXECUTIVES), incident(), "milestone", History(last_s), now_s).answer == answer


def test_without_a_regular_update_a_milestone_is_told_only_where_it_is_asked_for() -> None:
    assert judge(audience(), incident(), "milestone", NEVER, T + 9e9).answer == "no"
    asked = audience(reach=Reach(on=("open", "milestone")))
    assert judge(asked, incident(), "milestone", NEVER, T).answer == "tell"


def test_who_heard_of_it_hears_its_end_also_when_it_is_no_longer_worth_telling() -> None:
    over = incident(peak_severity="P3", resolved_at_s=T + 60, state="resolved")
    people = audience("executive", EXECUTIVES)
    assert judge(people, over, "close", History(T), T + 60).answer == "tell"
    assert judge(people, over, "close", NEVER, T + 60).answer == "no"
    assert judge(people, incident(), "close", History(T), T + 60).reasons == ("the incident is still open",)


def test_a_text_that_needs_release_is_a_draft_until_somebody_released_it() -> None:
    customers = audience("customer", Reach("P1", release=("commander",)))
    draft = judge(customers, incident(), "open", NEVER, T)
    assert (draft.answer, draft.reasons[-1]) == ("draft", "waits for a commander to release it")
    assert judge(customers, incident(), "open", History(released="anna"), T).answer == "tell"
