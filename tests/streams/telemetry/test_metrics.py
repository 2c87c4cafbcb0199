"""The exposition as Prometheus reads it, and the three pages of the metrics server."""

from __future__ import annotations

import math
import re

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from classifiers.model import StageTime
from streams.telemetry.metrics import Labels, Telemetry
from streams.telemetry.metrics_server import MetricsServer

LABELS = Labels(topics=("inference.latency",), detectors=("robust",), action_kinds=("rollback",))


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def exposed(telemetry: Telemetry) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(telemetry.render().decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    return exposed(telemetry).get((name, frozenset(labels.items())))


def test_counters_of_closed_sets_start_at_zero() -> None:
    telemetry = Telemetry(LABELS, version="1")

    assert value(telemetry, "tocsin_records_total", topic="inference.latency", outcome="dead") == 0
    assert value(telemetry, "tocsin_dead_letters_total", reason="not_json") == 0
    assert value(telemetry, "tocsin_actions_total", kind="rollback", status="failed") == 0
    assert value(telemetry, "tocsin_stage_seconds_count", stage="publish") == 0
    assert value(telemetry, "tocsin_scopes_overflowed_total", label="tenant") == 0
    assert value(telemetry, "tocsin_series_refused_total") == value(telemetry, "tocsin_values_dropped_total") == 0
    assert value(
        telemetry, "tocsin_incidents_total", category="security", severity="P0", transition="open",
    ) == 0


def test_every_metric_carries_the_name_of_the_application_and_help() -> None:
    text = Telemetry(LABELS, version="1").render().decode()

    names = re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE)
    helps = re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE)
    assert all(name.startswith(("tocsin_", "process_")) for name in names)
    assert {name for name, _ in helps} == set(names)


def test_a_resolved_incident_reports_the_times_of_its_stages_and_which_have_none() -> None:
    telemetry = Telemetry(LABELS, version="1")

    telemetry.resolved("P1", {"detect": StageTime(4.0, "recorded"), "act": StageTime(None, "not_applicable")})

    assert value(telemetry, "tocsin_incident_stage_seconds_sum", stage="detect", severity="P1") == 4.0
    assert value(telemetry, "tocsin_incident_stage_seconds_count", stage="act", severity="P1") == 0
    assert value(telemetry, "tocsin_incident_stages_total", stage="act", status="not_applicable") == 1


def test_a_batch_counts_its_records_by_outcome() -> None:
    telemetry = Telemetry(LABELS, version="1")

    telemetry.batch("inference.latency", accepted=7, late=2, dead=1)

    assert value(telemetry, "tocsin_records_total", topic="inference.latency", outcome="accepted") == 7
    assert value(telemetry, "tocsin_records_total", topic="inference.latency", outcome="late") == 2
    assert value(telemetry, "tocsin_batches_total") == 1
    assert value(telemetry, "tocsin_batch_records_sum") == 10


def test_a_stage_that_raises_is_timed_all_the_same() -> None:
    clock = Clock()
    telemetry = Telemetry(LABELS, version="1", clock=clock)

    def fail_after_a_while() -> None:
        with telemetry.stage("detect"):
            clock.now_s += 0.25
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_a_while()

    assert value(telemetry, "tocsin_stage_seconds_sum", stage="detect") == 0.25


def test_a_revoked_partition_leaves_no_labels_behind() -> None:
    telemetry = Telemetry(LABELS, version="1")
    for topic in ("a", "b"):
        telemetry.lag(topic, 3, records=5, watermark_lag_s=1.0)
        telemetry.stalled(topic, 3, True)

    telemetry.revoke([("a", 3), ("a", 3), ("never", 9)])

    assert value(telemetry, "tocsin_lag_records", topic="a", partition="3") is None
    assert value(telemetry, "tocsin_lag_records", topic="b", partition="3") == 5
    assert value(telemetry, "tocsin_watermark_lag_seconds", partition="3") == 1.0

    telemetry.revoke([("b", 3)])

    assert not [key for key in exposed(telemetry) if ("partition", "3") in key[1]]


def test_an_unknown_lag_is_not_shown_as_none_waiting() -> None:
    telemetry = Telemetry(LABELS, version="1")

    telemetry.lag("a", 0, records=None, watermark_lag_s=None)

    lag = value(telemetry, "tocsin_lag_records", topic="a", partition="0")
    assert lag is not None
    assert math.isnan(lag)


def test_the_age_of_a_snapshot_follows_stored_ones_only() -> None:
    clock = Clock()
    telemetry = Telemetry(LABELS, version="1", clock=clock)
    before = value(telemetry, "tocsin_snapshot_age_seconds")

    telemetry.snapshot("stored", 2048)
    clock.now_s += 7.0
    telemetry.snapshot("failed")

    assert before is not None
    assert math.isnan(before)
    assert value(telemetry, "tocsin_snapshot_age_seconds") == 7.0
    assert value(telemetry, "tocsin_snapshot_bytes") == 2048
    assert value(telemetry, "tocsin_snapshots_total", outcome="failed") == 1


def test_a_failed_reload_keeps_the_time_of_the_last_good_one() -> None:
    telemetry = Telemetry(LABELS, version="1")

    telemetry.process.started("a" * 12, 1_700_000_000.0)
    telemetry.process.reloaded("invalid", "a" * 12, 1_700_000_500.0)

    assert value(telemetry, "tocsin_config_last_reload_successful") == 0
    assert value(telemetry, "tocsin_config_last_reload_success_timestamp_seconds") == 1_700_000_000.0


def test_a_process_tells_its_resources_and_its_release_and_no_start_times_of_metrics() -> None:
    page = Telemetry(LABELS, version="1").render().decode()
    names = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")}
    assert {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"} <= names
    assert "tocsin_build_info" in names
    assert [name for name in names if name.endswith("_created")] == []


def test_open_incidents_are_told_by_severity_and_a_severity_without_any_is_0() -> None:
    telemetry = Telemetry(LABELS, version="1")
    telemetry.incidents_open({"P1": 2, "P3": 1})
    telemetry.incidents_open({"P3": 1})
    assert value(telemetry, "tocsin_incidents_open", severity="P1") == 0
    assert value(telemetry, "tocsin_incidents_open", severity="P3") == 1


def test_two_workers_in_one_process_do_not_share_numbers() -> None:
    one, other = Telemetry(LABELS, version="1"), Telemetry(LABELS, version="1")

    one.evicted(3)

    assert value(other, "tocsin_series_evicted_total") == 0


async def test_the_server_gives_the_reasons_why_the_worker_is_not_healthy() -> None:
    complaints: list[str] = []
    server = MetricsServer(
        Telemetry(LABELS, version="1"), health=lambda: tuple(complaints), ready=lambda: ("no partitions yet",),
    )
    await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as http:
            async with http.get("/healthz") as answer:
                assert (answer.status, await answer.json()) == (200, {"ok": True, "reasons": []})
            complaints.append("a-0: 5 records wait")
            async with http.get("/healthz") as answer:
                assert (answer.status, await answer.json()) == (503, {"ok": False, "reasons": complaints})
            async with http.get("/readyz") as answer:
                assert answer.status == 503
                assert await answer.json() == {"ok": False, "reasons": ["no partitions yet"], "degraded": []}
            async with http.get("/metrics") as answer:
                assert answer.status == 200
                assert answer.content_type == "text/plain"
                assert 'tocsin_build_info{version="1"} 1.0' in await answer.text()
    finally:
        await server.stop()
        await server.stop()


async def test_a_worker_that_does_not_watch_all_is_ready_and_says_so() -> None:
    server = MetricsServer(
        Telemetry(LABELS, version="1"), health=tuple, ready=tuple, degraded=lambda: ("metrics: nothing watched",),
    )
    await server.start()
    try:
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as http, http.get("/readyz") as answer,
        ):
            assert answer.status == 200
            assert await answer.json() == {"ok": True, "reasons": [], "degraded": ["metrics: nothing watched"]}
    finally:
        await server.stop()


def test_the_port_is_unknown_before_the_start() -> None:
    server = MetricsServer(Telemetry(LABELS, version="1"), health=tuple, ready=tuple)

    with pytest.raises(RuntimeError, match="not been started"):
        _ = server.port
