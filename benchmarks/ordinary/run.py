"""A day through the codec and the pipeline, as `tocsin replay` runs it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.ordinary.generator.day import Day
from benchmarks.ordinary.generator.native import native_records
from benchmarks.ordinary.generator.scrapes import scrape_records
from benchmarks.ordinary.generator.simulate import Requests, simulate
from classifiers.model import Incident
from streams.replay.replay import Replay, replay
from streams.shard.plan import Plan


@dataclass(frozen=True, slots=True)
class Lived:
    """A day with its requests and what the pipeline published of it."""

    day: Day
    served: tuple[Requests, ...]
    incidents: tuple[Incident, ...]


def serve(day: Day, seed: int) -> tuple[Requests, ...]:
    """The requests of all services of a day."""
    return tuple(
        simulate(
            service,
            tuple(f for f in day.faults if (f.service, f.model) == (service.name, service.model)),
            day.origin_s, day.length_s, seed * 100 + number,
        )
        for number, service in enumerate(day.services)
    )


def records(day: Day, served: tuple[Requests, ...], seed: int) -> Iterator[tuple[int, bytes]]:
    """The records of the topic of a day, by offset."""
    if day.form == "native":
        return native_records(served, day.origin_s, day.ends_s)
    return scrape_records(day, served, seed)


def live(plan: Plan, day: Day, seed: int) -> Lived:
    """Simulate a day and replay it."""
    served = serve(day, seed)
    found: Replay = replay(plan, records(day, served, seed), directives=day.directives, form=day.form)
    if found.dead or found.late:
        raise RuntimeError(f"{day.kind}: {found.late} late, rejected: {dict(found.dead)}; expected none")
    return Lived(day, served, tuple(found.incidents.values()))
