"""A report of incidents for a terminal, a program, a spreadsheet or Prometheus."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from io import StringIO
from typing import Literal

import orjson
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.openmetrics.exposition import generate_latest as exposition
from rich.console import Console
from rich.table import Table

from classifiers.accounting.response_report import ResponseReport
from classifiers.accounting.slo_report import Attainment, Grouping, GroupStatistics, Proportion, SloReport
from classifiers.accounting.stage_timeline import STAGES
from streams.cli.reports.response_figures import add_response_gauges, response_lines

Format = Literal["text", "json", "csv", "openmetrics"]
UNKNOWN = "-"
TERMS: Mapping[str, str] = {"detect": "detect (MTTD)", "resolve": "resolve (MTTR)"}
SHARES: tuple[tuple[str, Callable[[GroupStatistics], Proportion], str], ...] = (
    ("recurred", lambda figures: figures.recurred, "reopened, or the same at the same place again"),
    ("automated", lambda figures: figures.automated, "first remedy ran, or was rehearsed, unasked"),
    ("escalated", lambda figures: figures.escalated, "severity rose, or paged after a remedy"),
)
STATUSES = ("count", "pending", "not_applicable", "invalid")
STATISTICS = ("median_s", "mean_s", "p90_s")


def as_json(report: SloReport, response: ResponseReport) -> str:
    """One JSON object of seconds, counts and shares; null where a figure is unknown."""
    return orjson.dumps({**asdict(report), "response": asdict(response)}, option=orjson.OPT_INDENT_2).decode()


def as_csv(report: SloReport, response: ResponseReport) -> str:
    """One figure a line, as CSV: table, group (a severity in `targets`), stage, figure, value; empty where unknown."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("table", "group", "stage", "figure", "value"))
    writer.writerows(_lines(report))
    writer.writerows(response_lines(response))
    return out.getvalue().rstrip("\n")


def as_openmetrics(report: SloReport, response: ResponseReport) -> str:
    """Gauges, to be scraped from a file or pushed. Group `all` is every incident; the label names are fixed."""
    registry = CollectorRegistry()
    by = report.by or "none"
    seconds = Gauge("tocsin_report_stage_seconds", "From onset to a stage, over incidents.",
                    ("by", "group", "stage", "statistic"), registry=registry)
    counts = Gauge("tocsin_report_stage_incidents", "Incidents by how far a stage has come.",
                   ("by", "group", "stage", "status"), registry=registry)
    shares = Gauge("tocsin_report_incidents_ratio", "Share of incidents.", ("by", "group", "share"), registry=registry)
    targets = Gauge("tocsin_report_target_incidents", "Incidents by whether a stage kept its target.",
                    ("severity", "stage", "outcome"), registry=registry)
    for group in (report.total, *report.groups):
        for stage in group.stages:
            for statistic in STATISTICS:
                if getattr(stage, statistic) is not None:
                    seconds.labels(by, group.name, stage.stage, statistic[:-2]).set(getattr(stage, statistic))
            for status in STATUSES:
                name = "recorded" if status == "count" else status
                counts.labels(by, group.name, stage.stage, name).set(getattr(stage, status))
        for name, share_of, _ in SHARES:
            ratio = share_of(group).ratio
            if ratio is not None:
                shares.labels(by, group.name, name).set(ratio)
    for target in report.targets:
        for outcome in ("met", "missed", "open"):
            targets.labels(target.severity, target.stage, outcome).set(getattr(target, outcome))
    add_response_gauges(response, registry)
    text: bytes = exposition(registry)  # type: ignore[no-untyped-call]
    return text.decode().rstrip("\n")


def as_text(report: SloReport, console: Console) -> None:
    """Print tables for a terminal."""
    console.print(f"{_count(report.total)}{_period(report)}", soft_wrap=True)
    if not report.total.incidents:
        return
    tables = [_stages(report.total), _shares(report.total)]
    if report.by is not None:
        tables.append(_compared(report.by, report.groups))
    if report.targets:
        tables.append(_targets(report.targets))
    for table in tables:
        console.print()
        console.print(table)


def duration(seconds: float | None) -> str:
    """A duration in its two largest units.

    >>> duration(2.04), duration(95.0), duration(7200.0), duration(None)
    ('2.0 s', '1 m 35 s', '2 h', '-')
    """
    if seconds is None:
        return UNKNOWN
    if round(seconds, 1) < 60.0:
        return f"{seconds:.1f} s"
    minutes = round(seconds) // 60
    if minutes < 60:
        return _two(minutes, "m", round(seconds) % 60, "s")
    hours = minutes // 60
    return _two(hours, "h", minutes % 60, "m") if hours < 48 else _two(hours // 24, "d", hours % 24, "h")


def _two(whole: int, unit: str, rest: int, smaller: str) -> str:
    return f"{whole} {unit} {rest:02d} {smaller}" if rest else f"{whole} {unit}"


def _lines(report: SloReport) -> Iterator[tuple[str, str, str, str, float | None]]:
    for group in (report.total, *report.groups):
        yield "incidents", group.name, "", "count", group.incidents
        yield "incidents", group.name, "", "open", group.open
        for stage in group.stages:
            for figure in (*STATUSES, *STATISTICS):
                yield "stages", group.name, stage.stage, figure, getattr(stage, figure)
        for name, share_of, _ in SHARES:
            yield "shares", group.name, "", name, share_of(group).part
            yield "shares", group.name, "", f"{name}_of", share_of(group).whole
    for target in report.targets:
        for figure in ("target_s", "met", "missed", "open", "ratio"):
            yield "targets", target.severity, target.stage, figure, getattr(target, figure)


def _stages(group: GroupStatistics) -> Table:
    table = _table("from onset to", "recorded", "median", "mean", "p90", "pending", "n/a", "invalid")
    for stage in group.stages:
        times = (duration(stage.median_s), duration(stage.mean_s), duration(stage.p90_s))
        rest = (_number(stage.pending), _number(stage.not_applicable), _number(stage.invalid))
        table.add_row(TERMS.get(stage.stage, stage.stage), str(stage.count), *times, *rest)
    return table


def _shares(group: GroupStatistics) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    for name, share_of, meaning in SHARES:
        share = share_of(group)
        table.add_row(name, f"{share.part} of {share.whole}", _percent(share.ratio), meaning)
    return table


def _compared(by: Grouping, groups: tuple[GroupStatistics, ...]) -> Table:
    """One line a group: the median of each stage, and the shares."""
    table = _table(f"{by} (medians)", "incidents", "open", *STAGES, *(name for name, _, _ in SHARES))
    for group in groups:
        medians = (duration(stage.median_s) for stage in group.stages)
        shares = (_percent(share_of(group).ratio) for _, share_of, _ in SHARES)
        table.add_row(group.name, str(group.incidents), _number(group.open), *medians, *shares)
    return table


def _targets(targets: tuple[Attainment, ...]) -> Table:
    table = _table("target (peak severity)", "within", "met", "missed", "open", "attained")
    for target in targets:
        row = (duration(target.target_s), *map(_number, (target.met, target.missed, target.open)))
        table.add_row(f"{target.severity} {target.stage}", *row, _percent(target.ratio))
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=True)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _number(count: int) -> str:
    return str(count) if count else UNKNOWN


def _percent(ratio: float | None) -> str:
    return UNKNOWN if ratio is None else f"{ratio:.0%}"


def _count(group: GroupStatistics) -> str:
    plural = "" if group.incidents == 1 else "s"
    return f"{group.incidents} incident{plural}" + (f", {group.open} of them open" if group.open else "")


def _period(report: SloReport) -> str:
    """When the incidents opened; without incidents, the requested bounds."""
    if report.first_s is not None and report.last_s is not None:
        return f", opened {_date(report.first_s)} to {_date(report.last_s)} UTC"
    bounds = (("since", report.since_s), ("until", report.until_s))
    named = [f" {name} {_date(at_s)}" for name, at_s in bounds if at_s is not None]
    return f" opened{' and'.join(named)} UTC" if named else ""


def _date(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M")
