"""Replicas and tenants that come and go."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from benchmarks.ordinary.generator.arrivals import Batch
from benchmarks.ordinary.generator.day import Day
from benchmarks.ordinary.generator.fleet import BOOT_S, Names, pods
from benchmarks.ordinary.generator.service import Replica, Service, Tenant
from benchmarks.ordinary.kinds.base import EVERY_FORMAT, MORNING_S, Draw, Kind


def _scale_in(draw: Draw) -> Day:
    def one(names: Names) -> Service:
        count = int(draw.rng.integers(4, 8))
        plain, at_s = draw.service(names, replicas=count), draw.time_s()
        leaving = int(draw.rng.integers(1, count // 2 + 1))
        kept = [replace(old, gone_s=at_s + 15.0 * number if number < leaving else inf)
                for number, old in enumerate(plain.replicas)]
        return replace(plain, replicas=tuple(kept))

    return draw.day(draw.each(one))


def _scale_out(draw: Draw) -> Day:
    def one(names: Names) -> Service:
        plain, at_s = draw.service(names), draw.time_s()
        fresh = [
            replace(new, ready_s=at_s + 20.0 * number, started_s=at_s + 20.0 * number - BOOT_S)
            for number, new in enumerate(pods(Names(f"{names.service}-more"), "v1", int(draw.rng.integers(1, 4)),
                                              draw.rng))
        ]
        return replace(plain, replicas=(*plain.replicas, *fresh))

    return draw.day(draw.each(one))


def _spot(draw: Draw) -> Day:
    """Instances are reclaimed; what was in flight is lost. Another comes three to eight minutes later."""
    def one(names: Names) -> Service:
        names = Names(names.service)
        count = int(draw.rng.integers(4, 8))
        plain = draw.service(names, replicas=count)
        replicas: list[Replica] = list(plain.replicas)
        for turn in range(2):
            at_s = draw.time_s(0.3 + 0.3 * turn, 0.5 + 0.3 * turn)
            unnoticed_s = float(draw.rng.choice([0.0, 1.0, 2.0]))
            replicas[turn] = replace(replicas[turn], gone_s=at_s, vanishes=True, unnoticed_s=unnoticed_s)
            back_s = at_s + float(draw.rng.uniform(180.0, 480.0))
            replicas += [replace(new, ready_s=back_s, started_s=back_s - BOOT_S)
                         for new in pods(names, "v1", 1, draw.rng)]
        return replace(plain, replicas=tuple(replicas))

    return draw.day(draw.each(one))


def _tenants(draw: Draw) -> Day:
    """Tenants come for a while and go; the others go on. Some come instead of others, some in addition."""
    def one(names: Names) -> Service:
        per_s = float(draw.rng.uniform(8.0, 16.0))
        guests = [_guest(draw, number) for number in range(8)]
        plain = draw.service(names, tenants=(*draw.tenants(4), *guests[:5]), per_s=per_s)
        more = tuple(
            replace(plain.streams[0], tenants=(guest,), course=Batch(
                per_s * guest.weight / 2, 1e9, guest.until_s - guest.from_s, MORNING_S + guest.from_s,
            ))
            for guest in guests[5:]
        )
        return replace(plain, streams=(*plain.streams, *more))

    return draw.day(draw.each(one))


def _guest(draw: Draw, number: int) -> Tenant:
    from_s, lasts_s = draw.time_s(0.0, 0.9), float(draw.rng.uniform(0.1, 0.5)) * draw.length_s
    return Tenant(f"guest-{number}", float(draw.rng.uniform(0.1, 0.4)), from_s, from_s + lasts_s)


SCALING = (
    Kind("scale-in", "an autoscaler takes replicas away", _scale_in, EVERY_FORMAT),
    Kind("scale-out", "an autoscaler adds replicas", _scale_out),
    Kind("spot instances", "replicas vanish, what they had in flight is lost, others come", _spot),
    Kind("passing tenants", "tenants come and go", _tenants, ("native",)),
)
