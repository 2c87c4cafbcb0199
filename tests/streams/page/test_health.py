"""The page says who watches which shard, what was dropped and by which reason, and how the channels do."""

from __future__ import annotations

from dataclasses import replace

from classifiers.accounting.slo_report import StageTargets
from classifiers.directives import Feedback
from classifiers.learning.learning_state import LearningState
from classifiers.learning.prequential import LearningParams
from classifiers.model import Acknowledgement, Severity, StageTime
from classifiers.series_windows import ShardReport
from streams.contracts.envelopes import read_shard_report, shard_report_message
from streams.page.health_view import ALONE_S, health_view, unwatched
from streams.page.history_view import HistoryFilter, history_view
from streams.page.state import PageState
from streams.pipeline import Products, Shard
from streams.worker.effects import Clocks
from streams.worker.shard_reporter import EVERY_S, ShardReporter
from tests.actions.approvals.cases import T, incident
from tests.streams.fakes import LATENCY, batch, default_plan, requests

REPORT = ShardReport(1, "tocsin/w1", T, T + 9.0, T + 8.0, 0.0, 3, 0, 0, 2, 0, {"malformed": 4})


def test_what_the_owners_dropped_is_added_up_by_reason() -> None:
    state = PageState()
    state.add_shard_report(REPORT)
    other = replace(REPORT, shard=0, worker="tocsin/w0", blind_s=12.0, dead={"malformed": 1, "future": 1})
    state.add_shard_report(other)
    shown = health_view(state)
    assert [(one["shard"], one["worker"], one["blind_s"]) for one in shown["owners"]] == [
        (0, "tocsin/w0", 12.0), (1, "tocsin/w1", 0.0),
    ]
    assert shown["dropped"] == {"late": 6, "dropped_values": 4}
    assert shown["dead"] == {"future": 1, "malformed": 5}


def test_a_shard_whose_owner_is_gone_or_blind_is_said_not_to_be_watched() -> None:
    state = PageState()
    state.add_shard_report(REPORT)
    state.add_shard_report(replace(REPORT, shard=2, worker="tocsin/w2", at_s=T + 60.0, blind_s=12.0))
    assert unwatched(state, T + 9.0 + ALONE_S) == ["shard 2 is not watched: tocsin/w2 is blind since 07:47:28 UTC"]
    assert unwatched(state, T + 10.0 + ALONE_S)[0] == (
        "shard 1 is not watched: nothing was heard of tocsin/w1 since 07:46:49 UTC"
    )


def test_a_newer_report_replaces_the_one_before() -> None:
    state = PageState()
    state.add_shard_report(REPORT)
    state.add_shard_report(replace(REPORT, late=5, at_s=T + 14.0))
    assert health_view(state)["dropped"] == {"late": 5, "dropped_values": 2}


def test_an_owner_reports_what_it_saw_and_not_too_often() -> None:
    clock = [100.0]
    clocks = Clocks(lambda: T, lambda: T, lambda: clock[0], lambda: clock[0])
    reporter, shard = ShardReporter(3, "tocsin/w0", clocks), Shard(default_plan())
    products = shard.ingest(LATENCY, batch([*requests(1), b"{"]).records)
    reporter.count(products)
    reporter.count(Products(late=2))
    report = reporter.due(shard, 0.5)
    assert report is not None
    assert (report.shard, report.worker, report.late, report.blind_s) == (3, "tocsin/w0", 2, 0.5)
    assert sum(report.dead.values()) == 1
    assert report.evaluated_until_s is None
    assert read_shard_report(shard_report_message(report, "/tocsin/test").value) == report
    assert reporter.due(shard, 0.0) is None
    clock[0] += EVERY_S
    assert reporter.due(shard, 0.0) is not None


def test_history_says_which_targets_were_met_and_what_comes_back() -> None:
    state = PageState()
    times = {"detect": StageTime(5.0, "recorded"), "resolve": StageTime(900.0, "recorded")}
    for number in range(2):
        state.add_incident(incident(
            f"i{number}", state="resolved", opened_at_s=T + number * 60.0, resolved_at_s=T + 900.0, stage_times=times,
            acknowledged=Acknowledgement("rob", T, T + 60.0),
        ))
    targets: dict[Severity, StageTargets] = {"P2": StageTargets(detect_s=10.0, resolve_s=600.0)}
    shown = history_view(state, HistoryFilter(), targets, T + 1000.0, [("rob", T), ("rob", T + 1.0)])["response"]
    assert {one["stage"]: (one["met"], one["missed"]) for one in shown["targets"]} == {
        "detect": (2, 0), "resolve": (0, 2),
    }
    assert shown["recurred"] == {"part": 1, "whole": 2}
    assert [one.count for one in shown["causes"]] == [2]
    assert shown["pages_per_person_week"] == {"rob": 2.0}
    assert shown["automation"] is None


def test_what_a_person_called_a_false_alarm_is_a_wrong_escalation_in_history_and_the_last_word_counts() -> None:
    state, learning = PageState(), LearningState(LearningParams())
    state.add_incident(incident(opened_severity="P4"))
    assert history_view(state, HistoryFilter(), now_s=T)["response"]["wrong_escalations"] is None
    for number, confirmed in enumerate((True, False)):
        said = Feedback(f"fb-{number}", "inc-1", "rob", T + number, None, None, confirmed)
        state.add_audit(learning.learn(said))
        assert history_view(state, HistoryFilter(), now_s=T)["response"]["wrong_escalations"] == float(not confirmed)
