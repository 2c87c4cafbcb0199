"""The observer: reads the topics and the HTTP pages of the worker into the state of the demo. It writes nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import aiohttp
from aiokafka import AIOKafkaConsumer  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families

from streams.contracts import envelopes
from streams.demo.state import DemoState, WorkerStatus
from streams.sandbox.process import PAGE_TIMEOUT

INCIDENTS, ACTIONS, OUTCOMES, RESPONSE = "tocsin.incidents", "tocsin.actions", "tocsin.outcomes", "tocsin.response"


async def watch_topics(brokers: str, demo: DemoState) -> None:
    """Read incidents, intents, outcomes and requests from the beginning until cancelled.

    It is in no group, so nothing is committed. A record that breaks its contract is counted, not raised.
    """
    consumer = AIOKafkaConsumer(
        INCIDENTS, ACTIONS, OUTCOMES, RESPONSE, bootstrap_servers=brokers, auto_offset_reset="earliest",
        enable_auto_commit=False, metadata_max_age_ms=2000,
    )
    await consumer.start()
    try:
        async for record in consumer:
            apply_record(demo, record.topic, record.value)
    finally:
        await consumer.stop()


def apply_record(demo: DemoState, topic: str, value: bytes | None) -> None:
    """Add one record to the state; a tombstone changes nothing."""
    if value is None:
        return
    try:
        if topic == INCIDENTS:
            incident = envelopes.read_incident(value)
            demo.incidents[incident.id] = incident
        elif topic == ACTIONS:
            demo.add_intent(envelopes.read_intent(value))
        elif topic == OUTCOMES:
            demo.add_outcome(envelopes.read_outcome(value))
        elif topic == RESPONSE:
            request = envelopes.read_approval(value)
            demo.requests[request.key] = request
    except envelopes.WireError:
        demo.unreadable += 1


async def read_worker(http: aiohttp.ClientSession, before: WorkerStatus) -> WorkerStatus:
    """The current status from the pages of the worker; when they do not answer, the last figures and that problem."""
    try:
        async with http.get("/metrics", timeout=PAGE_TIMEOUT) as answer:
            text = await answer.text()
        async with http.get("/healthz", timeout=PAGE_TIMEOUT) as answer:
            problems = tuple(str(reason) for reason in (await answer.json())["reasons"])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
        return replace(before, problems=(f"its pages do not answer ({type(error).__name__})",))
    return read_metrics(text, problems)


def read_metrics(text: str, problems: tuple[str, ...]) -> WorkerStatus:
    """The figures of the demo from the metrics page; None for those that the worker does not know."""
    records = dead = 0.0
    lags: list[float] = []
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "tocsin_records_total":
                records += sample.value
                dead += sample.value if sample.labels.get("outcome") == "dead" else 0.0
            elif sample.name == "tocsin_lag_records":
                lags.append(sample.value)
    lag = None if not lags or math.isnan(sum(lags)) else int(sum(lags))
    return WorkerStatus(int(records), int(dead), lag, problems)
