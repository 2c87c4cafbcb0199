"""Courses of the load over hours, days and weeks, and a service that begins."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.ordinary.generator.arrivals import DAY_S, Batch, Steady, Weekly
from benchmarks.ordinary.generator.day import MONDAY_S, Day, Format
from benchmarks.ordinary.generator.fleet import Names
from benchmarks.ordinary.generator.service import Service, Stream, Tenant, Tokens
from benchmarks.ordinary.kinds.base import HOUR_S, MORNING_S, Draw, Kind

SCRAPED: tuple[Format, ...] = ("otlp_json",)
DST_ENDS_S = 1_792_890_000.0
"""2026-10-25 01:00 UTC, when summer time ends in Europe: a Sunday."""
RARELY_S = 60.0
"""The interval of scrapes in days that are a week long."""


def _peak(draw: Draw) -> Day:
    """From the night over the peak to the evening."""
    return draw.day(draw.each(lambda names: draw.service(
        names, Weekly(float(draw.rng.uniform(4.0, 8.0)), float(draw.rng.uniform(0.1, 0.4)),
                      float(draw.rng.uniform(10.0, 16.0)), sharpness=float(draw.rng.uniform(1.0, 2.5))),
    )), origin_s=MONDAY_S + 3 * HOUR_S, scrape_s=30.0)


def _edge(draw: Draw) -> Day:
    """The batch grows with the load of the day, and the 99th percentile crosses an edge of a bucket."""
    def one(names: Names) -> Service:
        course = Weekly(float(draw.rng.uniform(6.0, 10.0)), 0.1, float(draw.rng.uniform(10.0, 16.0)))
        return draw.service(names, course, token_s=float(draw.rng.uniform(0.0165, 0.019)), crowding=1.5, slots=32,
                            replicas=2)

    return draw.day(draw.each(one), origin_s=MONDAY_S + 3 * HOUR_S, scrape_s=30.0)


def _weekend(draw: Draw) -> Day:
    """From Thursday to Monday: a third of the load at the weekend."""
    return draw.day(draw.each(lambda names: draw.service(
        names, Weekly(float(draw.rng.uniform(2.0, 4.0)), 0.2, weekend=float(draw.rng.uniform(0.2, 0.4))), replicas=2,
    )), origin_s=MONDAY_S + 3 * DAY_S, scrape_s=RARELY_S)


def _clock_change(draw: Draw) -> Day:
    """Four days of summer time, and a day and a half after it: the course of the day comes an hour later."""
    return draw.day(draw.each(lambda names: draw.service(
        names, Weekly(float(draw.rng.uniform(2.0, 4.0)), 0.1, zone="Europe/Berlin", sharpness=3.0, weekend=0.7),
        replicas=2,
    )), origin_s=DST_ENDS_S - 4 * DAY_S, scrape_s=RARELY_S)


def _quiet(draw: Draw) -> Day:
    """At night a request now and then."""
    return draw.day(draw.each(lambda names: draw.service(
        names, Weekly(float(draw.rng.uniform(1.5, 3.0)), float(draw.rng.choice([0.0, 0.003, 0.01])), 14.0,
                      sharpness=2.0), replicas=2,
    )), origin_s=MONDAY_S + 18 * HOUR_S, scrape_s=30.0)


def _weekly_job(draw: Draw) -> Day:
    """A job on each Sunday night, three of them."""
    def one(names: Names) -> Service:
        per_s = float(draw.rng.uniform(0.6, 1.2))
        plain = draw.service(names, Weekly(per_s, 0.4), replicas=2)
        starts_s = MONDAY_S + 6 * DAY_S + float(draw.rng.integers(1, 5)) * HOUR_S
        job = Batch(per_s * 2.5, 7 * DAY_S, float(draw.rng.uniform(1800.0, 5400.0)), starts_s)
        stream = Stream(job, (Tenant("reindex", 1.0),), Tokens(1500, 0.4), Tokens(50, 0.4))
        return replace(plain, streams=(*plain.streams, stream))

    return draw.day(draw.each(one), origin_s=MONDAY_S + 5 * DAY_S, scrape_s=RARELY_S)


def _begins(draw: Draw) -> Day:
    """New services get their first requests beside one that has long been there."""
    def one(names: Names) -> Service:
        begins_s = float(draw.rng.uniform(0.0, 900.0)) + MORNING_S
        steady = Steady(float(draw.rng.uniform(5.0, 12.0)))
        course = Batch(float(steady.per_s), 1e9, 1e9, begins_s)
        return draw.service(names, course if names.service != "chat" else steady)

    return draw.day(draw.each(one))


COURSES = (
    Kind("daily peak", "from the night over the peak to the evening", _peak, hours=18.0, services=4),
    Kind("bucket edge", "daily load moves the 99th percentile over an edge of a bucket", _edge, SCRAPED, hours=18.0,
         services=4),
    Kind("weekend", "Thursday to Monday, a third of the load at the weekend", _weekend, SCRAPED, hours=96.0,
         services=2),
    Kind("clock change", "summer time ends after four days", _clock_change, SCRAPED, hours=132.0, services=2),
    Kind("quiet nights", "next to no requests at night", _quiet, hours=14.0, services=4),
    Kind("weekly job", "a batch job each Sunday, over 15 days", _weekly_job, SCRAPED, hours=368.0, services=1),
    Kind("cold start", "the first hour of new services", _begins, hours=1.25, services=6),
)
