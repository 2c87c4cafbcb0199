"""What a point of each input format costs, from bytes to columns, side by side.

`python -m benchmarks.inputs [--smoke]`. The same synthetic vLLM fleet is written in every aggregated format; the
native records are those of the other benchmarks. A point is a metric value of a request (native), a data point (OTLP:
a histogram is one), or a sample (Prometheus: a bucket is one), so the last column, what a scrape of one engine or a
request costs, says more. Series are known and codecs warm. The best of several rounds counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from rich.table import Table

from benchmarks.broker.load import NARROW, records
from benchmarks.broker.rig import console
from benchmarks.scrapes import WRITERS, points_in, scrapes
from streams.intake.formats import FORMATS, InputFormat, InputPlan, build_codec
from streams.intake.scopes import ScopeTable
from streams.intake.validation import ValidationLimits
from streams.replay.replay import ReplayRecord

BATCH = 500
FAR_FUTURE_S = 1e11


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one format. units: requests or scrapes."""

    format: InputFormat
    records: int
    points: int
    units: int
    seconds: float

    @property
    def line(self) -> tuple[str, ...]:
        us = 1e6 * self.seconds
        return (
            self.format, f"{self.records:,}", f"{self.points:,}", f"{us / self.records:.1f}",
            f"{us / self.points:.2f}", f"{us / self.units:.1f}",
        )


def decode_s(form: InputFormat, found: Sequence[ReplayRecord], warm: int) -> float:
    """CPU seconds for all records but the first `warm`, which make the series known."""
    codec = build_codec(InputPlan(form), ScopeTable(), ValidationLimits(max_future_s=float("inf")))
    codec.decode(found[:warm], FAR_FUTURE_S)
    begun_s = time.process_time()
    for start in range(warm, len(found), BATCH):
        codec.decode(found[start : start + BATCH], FAR_FUTURE_S)
    return time.process_time() - begun_s


def measure(form: InputFormat, scale: int, rounds: int) -> Cost:
    """The best of several rounds."""
    if form == "native":
        values = [value for _, value in islice(records(NARROW, 20_000 * scale, 5000.0, 1000.0, 1), 20_000 * scale)]
        warm, points, units = 2000, 5 * (len(values) - 2000), len(values) - 2000
    else:
        batches = [WRITERS[form](scrape) for scrape in scrapes(25 * scale * 15.0, replicas=8)]
        values = [value for one in batches for value in one]
        warm = sum(map(len, batches[:16]))
        units = len(batches) - 16
        points = points_in(form, values[warm:])
    found = as_records(values)
    seconds = min(decode_s(form, found, warm) for _ in range(rounds))
    return Cost(form, len(found) - warm, points, units, seconds)


def as_records(values: Iterable[bytes]) -> list[ReplayRecord]:
    """Records with offsets 0, 1, 2, ..."""
    return [ReplayRecord(offset, value) for offset, value in enumerate(values)]


def parse_only_us(scale: int) -> float:
    """Per point: what protobuf itself takes for the same requests, before anything is read of them."""
    values = [value for scrape in scrapes(25 * scale * 15.0, replicas=8) for value in WRITERS["otlp_proto"](scrape)]
    begun_s = time.process_time()
    for value in values:
        ExportMetricsServiceRequest.FromString(value)
    return 1e6 * (time.process_time() - begun_s) / points_in("otlp_proto", values)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a tenth of it")
    scale = 1 if parser.parse_args().smoke else 10
    table = Table("format", "records", "points", "us/record", "us/point", "us/scrape or request", box=None)
    for form in FORMATS:
        table.add_row(*measure(form, scale, rounds=3).line)
    console.print(table)
    console.print(f"protobuf alone, parsed and not read: {parse_only_us(scale):.2f} us/point")


if __name__ == "__main__":
    main()
