from __future__ import annotations

from dataclasses import replace

import pytest

from classifiers.accounting.slo_report import Proportion, SloReport, StageTargets, compute_report
from classifiers.model import ActionRecord, Incident, Related, Severity, StageStatus, StageTime
from tests.classifiers.sample_incidents import ENDED, OPEN

DAY_S = 86_400.0
TARGETS: dict[Severity, StageTargets] = {"P1": StageTargets(detect_s=15.0, resolve_s=60.0)}


def ended(number: int, opened_s: float = 1000.0, **stages: float | StageStatus) -> Incident:
    """The number-th incident, ten seconds long, with these stage times."""
    times = {
        name: StageTime(None, value) if isinstance(value, str) else StageTime(value, "recorded")
        for name, value in stages.items()
    }
    return replace(
        ENDED, id=f"i{number}", onset_at_s=opened_s - 5.0, opened_at_s=opened_s, resolved_at_s=opened_s + 10.0,
        severity="P1", peak_severity="P1", opened_severity="P1", stage_times=times,
    )


def compute(*incidents: Incident, now_s: float = 2000.0, within_s: float = 7 * DAY_S) -> SloReport:
    return compute_report(incidents, TARGETS, now_s, within_s)


def remedy(mode: str = "auto", status: str = "executed", at_s: float = 1001.0, kind: str = "rollback") -> ActionRecord:
    return ActionRecord(f"{kind}/{at_s}", kind, "chat", mode, status, at_s, at_s + 1.0)


def test_a_stage_has_median_mean_and_p90_of_what_was_recorded_and_counts_of_the_rest() -> None:
    took = [ended(number, act=float(seconds)) for number, seconds in enumerate((1, 2, 3, 4, 10))]
    others = [ended(10, act="pending"), ended(11, act="not_applicable"), ended(12, act="invalid"), ended(13)]
    act = compute(*took, *others).total.stages[2]
    assert (act.stage, act.count, act.median_s, act.mean_s) == ("act", 5, 3.0, 4.0)
    assert act.p90_s == pytest.approx(7.6)
    assert (act.pending, act.not_applicable, act.invalid) == (1, 1, 1)


def test_nothing_recorded_has_no_average() -> None:
    detect = compute(ended(1, detect="invalid")).total.stages[0]
    assert (detect.median_s, detect.mean_s, detect.p90_s) == (None, None, None)
    assert compute().total.recurred.ratio is None


@pytest.mark.parametrize(
    ("later", "recurs"),
    [
        (ended(2, 1010.0 + DAY_S), True),
        (ended(2, 1011.0 + DAY_S), False),
        (replace(ended(2, 1100.0), tenant="acme"), False),
        (replace(ended(2, 1100.0), category="security"), False),
        (replace(ended(2, 1100.0 + 9 * DAY_S), tenant="acme", related=(Related("i1", "reopens"),)), True),
        (replace(ended(2, 1100.0), tenant="acme", related=(Related("i1", "caused_by"),)), False),
    ],
)
def test_the_same_trouble_at_the_same_place_soon_after_is_a_recurrence_and_so_is_what_reopens(
    later: Incident, recurs: bool,
) -> None:
    assert compute(ended(1), later, within_s=DAY_S).total.recurred == Proportion(int(recurs), 2)


def test_what_opened_before_the_period_is_remembered_but_not_counted() -> None:
    found = compute_report([ended(1), ended(2, 1100.0), ended(3, 1200.0)], TARGETS, 2000.0, DAY_S, 1100.0, 1200.0)
    assert (found.total.incidents, found.total.recurred) == (1, Proportion(1, 1))
    assert (found.first_s, found.last_s) == (1100.0, 1100.0)


@pytest.mark.parametrize(
    ("actions", "share"),
    [
        ((), Proportion(0, 0)),
        ((remedy(kind="notify"),), Proportion(0, 0)),
        ((remedy(),), Proportion(1, 1)),
        ((remedy(status="dry_run"),), Proportion(1, 1)),
        ((remedy("suggest"), remedy(at_s=1002.0)), Proportion(0, 1)),
        ((remedy(status="failed"), remedy(at_s=1002.0)), Proportion(0, 1)),
    ],
)
def test_the_first_remedy_decides_whether_an_incident_was_answered_without_a_human(
    actions: tuple[ActionRecord, ...], share: Proportion,
) -> None:
    assert compute(replace(ended(1), actions=actions)).total.automated == share


@pytest.mark.parametrize(
    ("changes", "beyond"),
    [
        ({}, False),
        ({"opened_severity": "P2"}, True),
        ({"opened_severity": "P0"}, False),
        ({"opened_severity": None}, False),
        ({"actions": (remedy(kind="notify"), remedy(at_s=1002.0))}, False),
        ({"actions": (remedy(), remedy(kind="notify", at_s=1005.0))}, True),
    ],
)
def test_escalated_is_what_grew_worse_or_was_paged_after_a_remedy(changes: dict[str, object], beyond: bool) -> None:
    grown = replace(ended(1), **changes)  # type: ignore[arg-type]
    assert compute(grown).total.escalated == Proportion(int(beyond), 1)


def test_a_target_is_met_missed_or_open_and_overdue_counts_as_missed() -> None:
    incidents = [
        ended(1, detect=15.0), ended(2, detect=15.1), ended(3, detect="invalid"), ended(4, detect="not_applicable"),
        replace(ended(5, 1990.0, resolve="pending"), resolved_at_s=None),
        replace(ended(6, 1000.0, resolve="pending"), resolved_at_s=None),
        replace(ended(7, detect=1.0), peak_severity="P2"),
    ]
    detect, resolve = compute(*incidents).targets
    assert (detect.severity, detect.stage, detect.met, detect.missed, detect.open) == ("P1", "detect", 1, 1, 0)
    assert (detect.ratio, resolve.ratio) == (0.5, 0.0)
    assert (resolve.met, resolve.missed, resolve.open) == (0, 1, 1)


def test_groups_split_the_incidents_and_keep_the_total() -> None:
    incidents = [ended(1), replace(ended(2), service="other"), replace(ended(3), service="other", resolved_at_s=None)]
    found = compute_report(incidents, {}, 2000.0, DAY_S, by="service")
    assert [(group.name, group.incidents, group.open) for group in found.groups] == [("chat", 1, 0), ("other", 2, 1)]
    assert (found.total.incidents, found.targets) == (3, ())


def test_the_order_of_the_incidents_does_not_matter() -> None:
    incidents = [ended(1), ended(2, 1100.0), replace(OPEN, id="i3")]
    assert compute(*incidents) == compute(*reversed(incidents))


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_a_target_that_cannot_be_kept_is_refused_by_name(value: float) -> None:
    with pytest.raises(ValueError, match=r"resolve_s is .*, expected more than 0"):
        StageTargets(resolve_s=value)
