"""Monitoring that fails while the services go on."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.ordinary.generator.day import Day, Expected, Format, Gap
from benchmarks.ordinary.kinds.base import Draw, Kind

SCRAPED: tuple[Format, ...] = ("otlp_json",)


def _gap(draw: Draw) -> Day:
    """For a minute nothing is scraped of the only service."""
    return _with_gaps(_plain(draw), [(draw.time_s(), 60.0, False)])


def _gap_of_all(draw: Draw) -> Day:
    """For a minute nothing is scraped of any service: one incident of the source is right."""
    day = draw.day(draw.each(lambda names: draw.service(names)), Expected(source_pages=1))
    return _with_gaps(day, [(draw.time_s(), 60.0, False)])


def _restart(draw: Draw) -> Day:
    """The collector restarts twice: it takes half a minute, and start times are new."""
    return _with_gaps(_plain(draw), [(draw.time_s(0.3, 0.5), 25.0, True), (draw.time_s(0.6, 0.8), 45.0, True)])


def _plain(draw: Draw) -> Day:
    return draw.day(draw.each(lambda names: draw.service(names)))


def _with_gaps(day: Day, spans: list[tuple[float, float, bool]]) -> Day:
    gaps = tuple(Gap(at_s, at_s + lasts_s, day.names, None, restart) for at_s, lasts_s, restart in spans)
    return replace(day, gaps=gaps)


def _exporter(draw: Draw) -> Day:
    """The exporter of one pod of each service ends for good; the pod serves on."""
    services = draw.each(lambda names: draw.service(names))
    gaps = tuple(Gap(draw.time_s(), draw.length_s, (one.name,), one.replicas[0].name) for one in services)
    return replace(draw.day(services, Expected(telemetry_pages=1)), gaps=gaps)


MONITORING = (
    Kind("scrape gap", "no scrape of one service for 60 s", _gap, SCRAPED, services=1),
    Kind("scrape gap of a source", "no scrape of five services for 60 s", _gap_of_all, SCRAPED),
    Kind("collector restart", "two short gaps with new start times", _restart, SCRAPED, services=1),
    Kind("exporter's end", "one pod is scraped no more and serves on", _exporter, SCRAPED),
)
