"""What the spectator makes of the topics and of the worker's pages."""

from __future__ import annotations

import aiohttp
import orjson

from actions.approvals.request import request_of
from streams.demo.observer import apply_record, read_metrics, read_worker
from streams.demo.scoring import read_truth
from streams.demo.state import DemoState, WorkerStatus
from streams.sandbox.process import is_ready
from streams.telemetry.metrics import Labels, Telemetry
from streams.telemetry.metrics_server import MetricsServer
from tests.streams.demo.states import FOLDER, incident, intent, outcome


def a_story() -> DemoState:
    return DemoState(read_truth(FOLDER), 10.0)


def test_records_of_the_four_topics_reach_the_state() -> None:
    demo, decided = a_story(), intent("k", "i", "rollback", "bytegpt", 81.0)

    apply_record(demo, "tocsin.incidents", orjson.dumps(incident("i", 80.0)))
    apply_record(demo, "tocsin.actions", orjson.dumps(decided))
    apply_record(demo, "tocsin.outcomes", orjson.dumps(outcome(decided)))
    apply_record(demo, "tocsin.response", orjson.dumps(request_of(decided, 0, 1, 1.0)))

    assert list(demo.incidents) == ["i"]
    assert demo.actions["k"].status == "executed"
    assert demo.actions["k"].decision == decided
    assert demo.requests["k"].state == "requested"


def test_a_field_from_a_later_version_is_ignored() -> None:
    demo = a_story()

    apply_record(demo, "tocsin.incidents", orjson.dumps(orjson.loads(orjson.dumps(incident("i", 80.0))) | {"new": [1]}))

    assert demo.unreadable == 0
    assert list(demo.incidents) == ["i"]


def test_what_is_no_incident_is_counted_and_a_tombstone_is_nothing() -> None:
    demo = a_story()

    for value in (b"{", b"[]", b'{"id": 5}', None):
        apply_record(demo, "tocsin.incidents", value)

    assert demo.unreadable == 3
    assert demo.incidents == {}


def test_the_figures_are_read_from_the_exposition() -> None:
    telemetry = Telemetry(Labels(), version="1")
    telemetry.batch("a", accepted=7, late=2, dead=1)
    telemetry.batch("b", accepted=5, late=0, dead=0)
    telemetry.lag("a", 0, records=3, watermark_lag_s=0.5)
    telemetry.lag("b", 0, records=4, watermark_lag_s=0.5)

    assert read_metrics(telemetry.render().decode(), ()) == WorkerStatus(records=15, dead=1, lag=7)


def test_a_lag_that_is_not_known_is_not_shown_as_none() -> None:
    telemetry = Telemetry(Labels(), version="1")
    telemetry.lag("a", 0, records=None, watermark_lag_s=None)
    telemetry.lag("b", 0, records=4, watermark_lag_s=None)

    assert read_metrics(telemetry.render().decode(), ()).lag is None


async def test_the_worker_is_looked_at_over_its_pages() -> None:
    telemetry = Telemetry(Labels(), version="1")
    telemetry.batch("a", accepted=7, late=0, dead=0)
    missing = ["no partitions"]
    server = MetricsServer(telemetry, health=lambda: ("a-0: stalled",), ready=lambda: tuple(missing))
    await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as http:
            before = await is_ready(http)
            missing.clear()
            assert (before, await is_ready(http)) == (False, True)
            assert await read_worker(http, WorkerStatus()) == WorkerStatus(7, 0, None, ("a-0: stalled",))
    finally:
        await server.stop()


async def test_a_worker_that_does_not_answer_keeps_its_last_figures_and_gets_a_complaint() -> None:
    server = MetricsServer(Telemetry(Labels(), version="1"), health=tuple, ready=tuple)
    await server.start()
    port = server.port
    await server.stop()

    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        seen = await read_worker(http, WorkerStatus(records=7, dead=0, lag=1))

        assert not await is_ready(http)
    assert (seen.records, seen.lag) == (7, 1)
    assert "do not answer" in seen.problems[0]
