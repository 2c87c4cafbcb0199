"""The spectator: reads what the worker publishes, and the worker's own pages, into the story. It never takes part."""

from __future__ import annotations

import math
from dataclasses import replace

import aiohttp
from aiokafka import AIOKafkaConsumer  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families

from streams.contracts import envelopes
from streams.demo.story import Story, Worker

INCIDENTS, ACTIONS, OUTCOMES = "tocsin.incidents", "tocsin.actions", "tocsin.outcomes"
PAGE_TIMEOUT = aiohttp.ClientTimeout(total=2.0)


async def watch_topics(brokers: str, story: Story) -> None:
    """Read incidents, intents and outcomes from the beginning until cancelled; in no group, so nothing is committed.

    A record that is not what its contract says is counted, not raised.
    """
    consumer = AIOKafkaConsumer(
        INCIDENTS, ACTIONS, OUTCOMES, bootstrap_servers=brokers, auto_offset_reset="earliest",
        enable_auto_commit=False, metadata_max_age_ms=2000,
    )
    await consumer.start()
    try:
        async for record in consumer:
            take(story, record.topic, record.value)
    finally:
        await consumer.stop()


def take(story: Story, topic: str, value: bytes | None) -> None:
    """Put one record into the story; a tombstone changes nothing."""
    if value is None:
        return
    try:
        if topic == INCIDENTS:
            incident = envelopes.read_incident(value)
            story.incidents[incident.id] = incident
        elif topic == ACTIONS:
            story.see_intent(envelopes.read_intent(value))
        elif topic == OUTCOMES:
            story.see_outcome(envelopes.read_outcome(value))
    except envelopes.WireError:
        story.unreadable += 1


async def is_ready(http: aiohttp.ClientSession) -> bool:
    """Whether the worker watches its partitions; False also while nobody answers."""
    try:
        async with http.get("/readyz", timeout=PAGE_TIMEOUT) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def look_at_worker(http: aiohttp.ClientSession, before: Worker) -> Worker:
    """The worker as its pages tell it now; when they do not answer, the last figures and that complaint."""
    try:
        async with http.get("/metrics", timeout=PAGE_TIMEOUT) as answer:
            text = await answer.text()
        async with http.get("/healthz", timeout=PAGE_TIMEOUT) as answer:
            complaints = tuple(str(reason) for reason in (await answer.json())["reasons"])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
        return replace(before, complaints=(f"its pages do not answer ({type(error).__name__})",))
    return read_metrics(text, complaints)


def read_metrics(text: str, complaints: tuple[str, ...]) -> Worker:
    """The figures that the demo shows, from the exposition; None where the worker does not know them."""
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
    return Worker(int(records), int(dead), lag, complaints)
