"""Scrapes of a made-up fleet as records of one topic."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.scrapes import WRITERS, Scrape
from streams.intake.formats import InputFormat
from tests.streams.records import FakeRecord


def records(found: Iterator[Scrape], form: InputFormat, topic: str) -> list[tuple[float, FakeRecord]]:
    """(time of the scrape, record), with offsets 0, 1, 2, ..."""
    values = ((scrape.ts_s, value) for scrape in found for value in WRITERS[form](scrape))
    return [(ts_s, FakeRecord(value, offset, topic, 0)) for offset, (ts_s, value) in enumerate(values)]
