"""How incidents are answered, for a spreadsheet and for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Gauge

from classifiers.accounting.response_report import ResponseReport

Line = tuple[str, str, str, str, float | None]


def response_lines(report: ResponseReport) -> Iterator[Line]:
    """Table, group, stage, figure and value of each figure; the value is None where it is unknown."""
    yield "response", "all", "", "wrong_escalations", report.wrong_escalations
    yield "response", "all", "", "wrong_escalations_target", report.wrong_escalations_target
    yield "response", "all", "", "automation", report.automation
    yield "response", "all", "", "automation_target", report.automation_target
    for person, rate in (report.pages_per_person_week or {}).items():
        yield "pages", person, "", "per_week", rate
    for cause in report.causes:
        yield "causes", cause.cause, "", "incidents", cause.count
        yield "causes", cause.cause, "", "last_s", cause.last_s
    for rule in report.rules:
        yield "rules", rule.rule, "", "incidents", rule.incidents
        yield "rules", rule.rule, "", "noise", rule.noise
    for week in report.weeks:
        name = datetime.fromtimestamp(week.week_s, UTC).strftime("%Y-%m-%d")
        yield "weeks", name, "", "incidents", week.incidents
        yield "weeks", name, "detect", "median_s", week.detect_median_s
        yield "weeks", name, "detect", "met", week.detect_met
        yield "weeks", name, "resolve", "median_s", week.resolve_median_s
        yield "weeks", name, "resolve", "met", week.resolve_met


def add_response_gauges(report: ResponseReport, registry: CollectorRegistry) -> None:
    """Gauges of what is known; what is unknown has no sample. The weeks are left out: Prometheus keeps the times."""
    ratios = Gauge("tocsin_report_response_ratio", "How incidents are answered.", ("figure",), registry=registry)
    targets = Gauge("tocsin_report_response_target_ratio", "The target of that.", ("figure",), registry=registry)
    for figure, ratio, target in (
        ("wrong_escalations", report.wrong_escalations, report.wrong_escalations_target),
        ("automation", report.automation, report.automation_target),
    ):
        targets.labels(figure).set(target)
        if ratio is not None:
            ratios.labels(figure).set(ratio)
    pages = Gauge("tocsin_report_pages_per_week", "Pages of a person in a week.", ("person",), registry=registry)
    for person, rate in (report.pages_per_person_week or {}).items():
        pages.labels(person).set(rate)
    causes = Gauge("tocsin_report_cause_incidents", "Incidents of a cause that recurs.", ("cause",), registry=registry)
    for cause in report.causes:
        causes.labels(cause.cause).set(cause.count)
    noise = Gauge("tocsin_report_rule_noise_ratio", "Share of the ended incidents of a rule that nobody answered.",
                  ("rule",), registry=registry)
    for rule in report.rules:
        if rule.noise is not None:
            noise.labels(rule.rule).set(rule.noise)
