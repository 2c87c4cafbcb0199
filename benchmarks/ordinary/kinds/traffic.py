"""What requests are like: failures in the background, batch jobs, constant metrics, long contexts, many tenants."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.ordinary.generator.arrivals import Batch
from benchmarks.ordinary.generator.day import MONDAY_S, Day
from benchmarks.ordinary.generator.fleet import Names
from benchmarks.ordinary.generator.service import Service, Stream, Tenant, Tokens
from benchmarks.ordinary.kinds.base import EVERY_FORMAT, HOUR_S, Draw, Kind


def _plain(draw: Draw) -> Day:
    return draw.day(draw.each(lambda names: draw.service(names)))


def _failures_low(draw: Draw) -> Day:
    return draw.day(draw.each(lambda names: draw.service(
        names, per_s=float(draw.rng.uniform(2.0, 5.0)), failing=float(draw.rng.uniform(0.001, 0.02)),
    )))


def _failures_high(draw: Draw) -> Day:
    return draw.day(draw.each(lambda names: draw.service(
        names, per_s=float(draw.rng.uniform(20.0, 40.0)), failing=float(draw.rng.uniform(0.001, 0.02)), slots=128,
    )))


def _hourly(draw: Draw) -> Day:
    return _batches(draw, HOUR_S)


def _often(draw: Draw) -> Day:
    return _batches(draw, 1500.0)


def _batches(draw: Draw, every_s: float) -> Day:
    """A tenant with a job at the same distance, alike each time."""
    def one(names: Names) -> Service:
        per_s = float(draw.rng.uniform(4.0, 8.0))
        plain = draw.service(names, per_s=per_s, slots=64)
        job = Batch(
            per_s * float(draw.rng.uniform(1.5, 3.0)), every_s, float(draw.rng.uniform(120.0, 300.0)),
            MONDAY_S + float(draw.rng.integers(60)) * 60.0,
        )
        stream = Stream(job, (Tenant("nightly-job", 1.0),), Tokens(1200, 0.4), Tokens(60, 0.4))
        return replace(plain, streams=(*plain.streams, stream))

    return draw.day(draw.each(one))


def _constant(draw: Draw) -> Day:
    """The confidence is a constant, and answers are of nearly one length: quantiles rest in one bucket."""
    return draw.day(draw.each(lambda names: draw.service(
        names, constant_confidence=True, confidence=float(draw.rng.choice([0.97, 1.0, 0.1, 0.7])), noise=0.002,
        crowding=0.0, completion=Tokens(128, 0.0), prompt=Tokens(512, 0.0), cache=0.0, failing=0.0,
    )))


def _long_contexts(draw: Draw) -> Day:
    return draw.day(draw.each(lambda names: draw.service(
        names, prompt=Tokens(800, 1.1, 24_000, float(draw.rng.uniform(0.03, 0.15))), slots=64,
    )))


def _bimodal(draw: Draw) -> Day:
    """Half of the prompts are in the cache, and the prefill of the others takes a second and more."""
    return draw.day(draw.each(lambda names: draw.service(
        names, prompt=Tokens(4000, 0.3), cache=float(draw.rng.uniform(0.3, 0.7)), prefill_s=0.0004,
        completion=Tokens(40, 0.5, 600, 0.3),
    )))


def _models(draw: Draw) -> Day:
    """Each service has three models of different sizes and its own replicas for each."""
    def three(names: Names) -> list[Service]:
        return [
            replace(draw.service(Names(names.service, names.renamed), per_s=rate, token_s=token_s), model=model)
            for model, rate, token_s in (("llama-8b", 6.0, 0.006), ("llama-70b", 3.0, 0.02), ("mixtral", 1.5, 0.012))
        ]

    services = [three(Names(service.name)) for service in draw.each(lambda names: draw.service(names))]
    return draw.day([model for models in services for model in models])


def _many_tenants(draw: Draw) -> Day:
    return draw.day(draw.each(lambda names: draw.service(
        names, tenants=draw.tenants(500, 1.1), per_s=float(draw.rng.uniform(15.0, 30.0)), slots=128,
    )))


TRAFFIC = (
    Kind("plain day", "nothing in particular", _plain, EVERY_FORMAT),
    Kind("failures, few requests", ".1 to 2 % of 2 to 5 requests/s fail", _failures_low, services=6),
    Kind("failures, many requests", ".1 to 2 % of 20 to 40 requests/s fail", _failures_high, services=3),
    Kind("hourly job", "a batch job at each hour", _hourly, hours=6.0, services=4),
    Kind("job every 25 min", "a batch job every 25 minutes", _often, hours=3.0, services=4),
    Kind("constant metrics", "a constant confidence, quantiles from one bucket", _constant),
    Kind("long contexts", "some prompts are thirty times as long", _long_contexts),
    Kind("bimodal latency", "prompts in the cache or not, answers short or long", _bimodal),
    Kind("several models", "three models in each service", _models, services=3),
    Kind("500 tenants", "a heavy tail of tenants", _many_tenants, ("native",), hours=1.5, services=3),
)
