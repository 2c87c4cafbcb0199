"""A fault is found from metrics that arrive aggregated, whatever their format, and named for what and where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import get_args

import numpy as np
import pytest

from benchmarks.scrapes import NS, WRITERS, Behaviour, Load, T, scrapes, steady
from classifiers.directives import Feedback
from classifiers.model import Incident
from config.models import Input
from detectors.base import IntArray
from detectors.ensemble.profiles import Profile
from detectors.suite import Suite, SuiteParams
from streams.intake.formats import FORMATS, InputFormat, InputPlan
from streams.pipeline import Shard
from streams.presence.traffic import Traffic
from streams.shard.plan import Plan
from streams.shard.rows import Rows
from tests.simulation.run import Run
from tests.streams.fakes import default_plan
from tests.streams.intake.scraped_records import records
from tests.streams.records import FakeRecord

TOPIC = "otlp_metrics"
BEGINS_S, ENDS_S, LASTS_S = 900.0, 1080.0, 1500.0


def plan_for(form: InputFormat) -> Plan:
    return replace(default_plan(), sources={TOPIC: False}, inputs={TOPIC: InputPlan(form)})


def during(load: Load, replica: str | None = None) -> Behaviour:
    """Steady, and this load while the fault lasts; on one replica or all."""
    def behave(at_s: float, name: str) -> Load:
        return load if BEGINS_S <= at_s < ENDS_S and replica in (None, name) else Load()
    return behave


SLOW = during(Load(token_s=0.06))
SLOW_REPLICA = during(Load(token_s=0.06), "10.0.0.1:8000")


@cache
def written(form: InputFormat, behaviour: Behaviour, seconds: float = LASTS_S) -> tuple[FakeRecord, ...]:
    return tuple(record for _, record in records(scrapes(seconds, behaviour), form, TOPIC))


def run_of(form: InputFormat, found: Sequence[FakeRecord], size: int = 1000) -> Run:
    run = Run(Shard(plan_for(form)))
    for start in range(0, len(found), size):
        run.ingest(found[start : start + size], TOPIC)
    return run


@cache
def judged(form: InputFormat, behaviour: Behaviour) -> Run:
    """The run of what was written, to be looked at only."""
    return run_of(form, written(form, behaviour))


def only(run: Run) -> Incident:
    (incident,) = run.incidents.values()
    return incident


@pytest.mark.parametrize("form", WRITERS)
def test_a_slow_fleet_is_one_incident_of_performance_everywhere(form: InputFormat) -> None:
    run = judged(form, SLOW)
    incident = only(run)

    assert (incident.category, incident.service, incident.model) == ("performance_degradation", "vllm", "llama")
    assert (incident.replica, incident.version, incident.tenant) == (None, None, None)
    assert BEGINS_S <= incident.opened_at_s - T <= BEGINS_S + 40.0
    assert incident.onset_at_s is not None
    assert abs(incident.onset_at_s - (T + BEGINS_S)) <= 20.0
    assert incident.resolved_at_s is not None
    assert ENDS_S + 30.0 <= incident.resolved_at_s - T <= ENDS_S + 75.0
    assert (run.dead, run.late) == ([], 0)


@pytest.mark.parametrize("form", WRITERS)
def test_exporters_that_take_turns_still_show_which_replica_it_is(form: InputFormat) -> None:
    assert only(judged(form, SLOW_REPLICA)).replica == "10.0.0.1:8000"


@pytest.mark.parametrize("form", WRITERS)
def test_a_steady_fleet_raises_nothing(form: InputFormat) -> None:
    run = run_of(form, written(form, steady))
    assert (run.incidents, run.dead, run.late) == ({}, [], 0)


@pytest.mark.parametrize(("load", "category", "metric"), [
    (Load(failing=0.3), "availability", "error"),
    (Load(queue_s=1.0), "resource_exhaustion", "queue_ms"),
    (Load(per_s=1.0), "availability", "requests_per_s"),
])
def test_what_counters_say_is_judged_as_well(load: Load, category: str, metric: str) -> None:
    incident = only(run_of("otlp_proto", written("otlp_proto", during(load))))
    assert incident.category == category
    assert metric in {anomaly.metric for anomaly in incident.evidence}


def test_a_restart_is_no_incident() -> None:
    found = [record for _, record in records(scrapes(LASTS_S, restart_s=BEGINS_S - 5.0), "otlp_proto", TOPIC)]
    run = run_of("otlp_proto", found)
    assert run.incidents == {}
    assert run.skipped_points[TOPIC, "reset"] == 11


def test_a_replica_whose_exporter_falls_silent_is_not_monitored() -> None:
    gone_ns = (T + BEGINS_S) * NS
    found = [record for ts_s, record in records(scrapes(LASTS_S), "otlp_proto", TOPIC)
             if ts_s * NS < gone_ns or b"10.0.0.2" not in (record.value or b"")]
    incident = only(run_of("otlp_proto", found))
    assert (incident.category, incident.replica) == ("telemetry", "10.0.0.2:8000")


@pytest.mark.parametrize("form", WRITERS)
def test_cuts_and_restarts_change_nothing(form: InputFormat) -> None:
    found = written(form, SLOW_REPLICA)
    pieces = Run(Shard(plan_for(form)))
    for number, start in enumerate(range(0, len(found), step := max(1, len(found) // 37))):
        pieces.ingest(found[start : start + step], TOPIC)
        if number % 5 == 0:
            pieces.restart()
    assert pieces.results() == judged(form, SLOW_REPLICA).results()


def test_otlp_says_the_same_in_both_encodings() -> None:
    assert judged("otlp_proto", SLOW).results() == judged("otlp_json", SLOW).results()


def test_the_last_scrapes_are_judged_when_the_source_is_idle() -> None:
    found = written("prometheus_json", steady, 600.0)
    run = Run(Shard(plan_for("prometheus_json")))
    run.ingest(found, TOPIC)
    before_s = run.shard.detection.evaluated_until_s
    run.advance_time(T + 604.0)
    assert before_s < T + 595.0 <= run.shard.detection.evaluated_until_s
    assert run.late == 0


class Noted(Suite):
    """A suite that says which profile its rows were given."""

    def __init__(self, params: SuiteParams) -> None:
        super().__init__(params, 256)
        self.given: dict[int, Profile] = {}

    def assign(self, rows: IntArray, profile: IntArray | int) -> None:
        numbers = np.broadcast_to(profile, rows.shape)
        self.given |= {row: self.params.profiles[one] for row, one in zip(rows.tolist(), numbers.tolist(), strict=True)}
        super().assign(rows, profile)


def test_how_values_arrive_chooses_the_detectors_unless_a_profile_says_otherwise() -> None:
    plan = plan_for("otlp_proto")
    bound = (Profile("bound", "latency_ms", sampling="per_request"), *plan.suite.profiles)
    plan = replace(plan, suite=replace(plan.suite, profiles=bound))
    run = Run(Shard(plan))
    run.ingest(written("otlp_proto", steady, 120.0), TOPIC)
    shard = run.shard
    suite = Noted(plan.suite_in_use())
    Rows(shard.series, suite, suite.params.profiles, Traffic(1.0, frozenset())).admit(shard.series.active())

    samplings = {shard.series.key(row)[0]: profile.sampling for row, profile in suite.given.items()}
    assert samplings.pop("latency_ms") == "per_request"
    assert set(samplings.values()) == {"pre_aggregated"}
    assert len(samplings) > 20


def test_every_format_that_can_be_configured_has_a_codec() -> None:
    assert set(get_args(Input.model_fields["format"].annotation)) == set(FORMATS)


def test_feedback_that_confirms_an_incident_keeps_its_series_from_getting_used_to_it() -> None:
    run = run_of("otlp_proto", written("otlp_proto", SLOW))
    incident = only(run)
    before = run.shard.suite.snapshot(run.shard.series.active())["block_maxima.rows.confirmed"]
    run.add_directives([Feedback("f1", incident.id, "ana", T + LASTS_S - 300.0, None, "P1", confirmed=True)])
    run.advance_time(T + LASTS_S + 30.0)
    after = run.shard.suite.snapshot(run.shard.series.active())["block_maxima.rows.confirmed"]
    assert np.isinf(before).all()
    assert np.isfinite(after).any()
