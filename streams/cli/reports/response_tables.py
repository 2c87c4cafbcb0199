"""The tables about how incidents are answered, for a terminal of 80 columns."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from classifiers.accounting.response_report import ResponseReport
from streams.cli.reports.formats import duration

SHOWN = 8
UNKNOWN = "not enough"
"""What is printed where the incidents do not show a figure."""


def print_response(report: ResponseReport, console: Console) -> None:
    """Print what is known. A figure that the incidents do not show is `not enough`."""
    for table in (_shares(report), _causes(report), _rules(report), _weeks(report)):
        if table.row_count:
            console.print()
            console.print(table)


def _shares(report: ResponseReport) -> Table:
    table = Table("answered by", "figure", "target", "", box=None, header_style="bold")
    wrong, automation = report.wrong_escalations, report.automation
    table.add_row("wrong escalations", _percent(wrong), f"< {report.wrong_escalations_target:.0%}",
                  "nobody answered an escalated incident" if wrong is None else "no fault, a person said later")
    table.add_row("automated", _percent(automation), f"> {report.automation_target:.0%}",
                  "no remedy was decided" if automation is None else "first remedy ran unasked")
    pages = report.pages_per_person_week
    if not pages:
        nobody = pages is not None  # pages are on record, and none of them is of the period
        table.add_row("pages a week", "0" if nobody else UNKNOWN, "", "nobody" if nobody else "no page is on record")
    for person, rate in (pages or {}).items():
        table.add_row("pages a week", f"{rate:.1f}", "", person)
    return table


def _causes(report: ResponseReport) -> Table:
    table = Table("recurring cause", "incidents", "last", box=None, header_style="bold")
    for one in report.causes[:SHOWN]:
        table.add_row(one.cause, str(one.count), _day(one.last_s))
    return table


def _rules(report: ResponseReport) -> Table:
    table = Table("rule (detector on metric)", "incidents", "noise", box=None, header_style="bold")
    for one in report.rules[:SHOWN]:
        table.add_row(one.rule, str(one.incidents), _percent(one.noise))
    return table


def _weeks(report: ResponseReport) -> Table:
    table = Table("week from", "incidents", "MTTD", "met", "MTTR", "met", box=None, header_style="bold")
    for one in report.weeks[-SHOWN:]:
        table.add_row(
            _day(one.week_s), str(one.incidents), _duration(one.detect_median_s), _percent(one.detect_met),
            _duration(one.resolve_median_s), _percent(one.resolve_met),
        )
    return table


def _percent(ratio: float | None) -> str:
    return UNKNOWN if ratio is None else f"{ratio:.0%}"


def _duration(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else duration(seconds)


def _day(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")
