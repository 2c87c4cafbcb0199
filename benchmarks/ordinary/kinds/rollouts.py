"""Deployments of all sorts: rolling, blue-green, canaries, and a planned slower model."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import inf

from benchmarks.ordinary.generator.day import Day, Expected
from benchmarks.ordinary.generator.fleet import BOOT_S, Names, pods, rolled, switched
from benchmarks.ordinary.generator.service import Replica, Service
from benchmarks.ordinary.kinds.base import MORNING_S, Draw, Kind, with_version
from classifiers.directives import Deployment
from classifiers.expectations import Expectation


def _deploy_same(draw: Draw) -> Day:
    return draw.day(draw.each(lambda names: _rolled(draw, names, "v1")))


def _deploy_new(draw: Draw) -> Day:
    return draw.day(draw.each(lambda names: _rolled(draw, names, "v2")))


def _announced(draw: Draw) -> Day:
    """The deployment tool tells of each new version when it begins."""
    services = draw.each(lambda names: _rolled(draw, names, "v2"))
    return replace(draw.day(services), directives=tuple(map(_announcement, services)))


def _announcement(service: Service, *expected: Expectation, for_s: float = 4.0 * 3600.0) -> Deployment:
    at_s = MORNING_S + min(new.started_s for new in service.replicas if new.version == "v2")
    return Deployment(service.name, None, "v2", at_s, expected, at_s + for_s if expected else None)


def _rolled(draw: Draw, names: Names, version: str) -> Service:
    plain = draw.service(names)
    at_s, step_s = draw.time_s(), float(draw.rng.uniform(30.0, 90.0))
    replicas = tuple(rolled(plain.replicas, names, version, at_s, step_s, draw.rng))
    split = plain.split if version == "v1" else _by_replicas(replicas)
    return with_version(replace(plain, replicas=replicas, split=split))


def _by_replicas(replicas: tuple[Replica, ...]) -> tuple[tuple[float, dict[str, float]], ...]:
    """The split of a balancer that knows no versions: by how many replicas each has."""
    times = sorted({-inf, *(one.ready_s for one in replicas), *(one.gone_s for one in replicas)} - {inf})
    found = []
    for time in times:
        up = [one.version for one in replicas if one.ready_s <= time < one.gone_s]
        found.append((time, {version: up.count(version) / len(up) for version in sorted(set(up))}))
    return tuple(found)


def _blue_green(draw: Draw) -> Day:
    def one(names: Names) -> Service:
        names = Names(names.service)
        plain, at_s = draw.service(names), draw.time_s()
        replicas = tuple(switched(plain.replicas, names, "v2", at_s, draw.rng))
        return with_version(replace(plain, replicas=replicas, split=((-inf, {"v1": 1.0}), (at_s, {"v2": 1.0}))))

    return draw.day(draw.each(one))


def _renamed(draw: Draw) -> Day:
    """A deployment every half hour or so, each with new names of pods and a new version every other time."""
    def one(names: Names) -> Service:
        names = Names(names.service)
        plain = draw.service(names)
        every_s = float(draw.rng.uniform(1500.0, 2400.0))
        done: list[Replica] = []
        running, number, at_s = list(plain.replicas), 1, every_s
        while at_s < draw.length_s - 900.0:
            turned = rolled(running, names, f"v{1 + number // 2}", at_s, 40.0, draw.rng)
            done += turned[0::2]
            running, number, at_s = turned[1::2], number + 1, at_s + every_s
        replicas = (*done, *running)
        return replace(plain, replicas=replicas, split=_by_replicas(replicas))

    return draw.day(draw.each(one))


def _canary(draw: Draw, first: float, ramp: tuple[float, ...] = (), *, stays: bool = False) -> Day:
    """A canary with a share of the traffic, a ramp over so many steps, and its end: promoted, or taken back."""
    def one(names: Names) -> Service:
        plain, at_s = draw.service(names, per_s=float(draw.rng.uniform(8.0, 20.0))), draw.time_s(0.3, 0.45)
        step_s = draw.length_s * 0.1
        ends_s = at_s + step_s * (len(ramp) + 1)
        fresh = pods(Names(f"{names.service}-canary"), "v2", 1 if max(first, *ramp, 0.0) < 0.3 else 3, draw.rng)
        until_s = inf if stays else ends_s
        canaries = [replace(new, ready_s=at_s, started_s=at_s - BOOT_S, gone_s=until_s) for new in fresh]
        stable = [replace(old, gone_s=ends_s if stays else inf) for old in plain.replicas]
        shares = [(at_s + step_s * number, share) for number, share in enumerate((first, *ramp))]
        split = [(-inf, {"v1": 1.0}), *((time, {"v1": 1.0 - share, "v2": share}) for time, share in shares)]
        split.append((ends_s, {"v2": 1.0} if stays else {"v1": 1.0}))
        if stays:
            canaries += [
                replace(new, ready_s=at_s + step_s, started_s=at_s + step_s - BOOT_S)
                for new in pods(names, "v2", len(stable), draw.rng)
            ]
        return with_version(replace(plain, replicas=(*stable, *canaries), split=tuple(split)))

    return draw.day(draw.each(one))


def _slower_model(draw: Draw) -> Day:
    """A bigger model by plan; without a word of it beforehand one incident is right."""
    return draw.day(_slower(draw), Expected(incidents=1))


def _slower(draw: Draw) -> list[Service]:
    return draw.each(lambda names: with_version(
        _rolled(draw, names, "v2"), token_factor=float(draw.rng.uniform(1.4, 1.7)),
    ))


def _expected_slower(draw: Draw) -> Day:
    """A bigger model by plan, and the deployment tool says how much slower it may be."""
    services = _slower(draw)
    may_rise = Expectation("latency_ms", "<=", 2.0, True)
    return replace(draw.day(services), directives=tuple(_announcement(each, may_rise) for each in services))


ROLLOUTS = (
    Kind("rolling deploy, same version", "pods replaced one by one", _deploy_same),
    Kind("rolling deploy, new version", "pods replaced one by one, with a version as good", _deploy_new),
    Kind("announced deploy", "the same with a control record of the deployment", _announced),
    Kind("blue-green deploy", "all traffic moves to a new set at once", _blue_green),
    Kind("renamed pods", "several deployments a day, each with new names", _renamed),
    Kind("canary 1 %", "one replica with 1 % of traffic, then taken back", partial(_canary, first=0.01), canary=True),
    Kind(
        "canary 5 % to 50 %", "5, 10, 25, 50 %, then promoted",
        partial(_canary, first=0.05, ramp=(0.1, 0.25, 0.5), stays=True), canary=True,
    ),
    Kind("canary 50 %", "half of the traffic at once, then taken back", partial(_canary, first=0.5), canary=True),
    Kind("planned slower model", "a bigger model, 1.4 to 1.7 times slower, not announced", _slower_model),
    Kind("expected slower model", "the same, announced with `--expect 'latency_ms<=2x'`", _expected_slower),
)
