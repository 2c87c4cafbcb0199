"""The benchmark of input formats: points are counted as written, and all formats carry the same metrics."""

from __future__ import annotations

from itertools import islice

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from benchmarks.inputs import measure
from benchmarks.scrapes import WRITERS, points_in, scrapes
from streams.intake.formats import InputFormat


def test_points_are_counted_as_they_are_on_the_wire() -> None:
    values = [value for scrape in islice(scrapes(150.0), 5) for value in WRITERS["otlp_proto"](scrape)]
    found = 0
    for value in values:
        for metric in ExportMetricsServiceRequest.FromString(value).resource_metrics[0].scope_metrics[0].metrics:
            found += len(getattr(metric, metric.WhichOneof("data") or "").data_points)
    assert points_in("otlp_proto", values) == found


def test_the_same_seed_gives_the_same_scrapes_and_another_seed_others() -> None:
    first, again, other = (
        [WRITERS["otlp_proto"](scrape) for scrape in scrapes(60.0, seed=seed)] for seed in (1, 1, 2)
    )
    assert first == again != other


@pytest.mark.parametrize("form", ["native", *WRITERS])
def test_every_format_is_measured(form: InputFormat) -> None:
    cost = measure(form, scale=1, rounds=1)
    assert cost.points >= cost.units > 0
    assert cost.seconds > 0.0
