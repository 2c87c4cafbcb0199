"""The figures as tables on a terminal and as the published page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table

from benchmarks.broker.rig import ROOT
from benchmarks.markdown import markdown
from benchmarks.ordinary import rules
from benchmarks.ordinary.figures import Found, Healthy, Rates, Recall, by_fault, by_kind
from benchmarks.ordinary.kinds.base import Kind

PAGE = ROOT / "docs" / "ordinary.md"
DAYS_HEAD = ("kind of day", "as", "service-hours", "pages", "a week", "expected pages", "notes", "notes a day",
             "pages of the rules", "a week")
FAULTS_HEAD = ("fault", "as", "faults", "paged", "reported", "median s", "scope right", "category right",
               "found by the rules", "median s")


def tables(days: Sequence[Healthy], found: Sequence[Found]) -> Iterator[Table]:
    """Healthy days by kind, then faults."""
    yield _table("healthy days", DAYS_HEAD, day_rows(days))
    if found:
        yield _table("faults in their midst", FAULTS_HEAD, fault_rows(found))


def day_rows(days: Sequence[Healthy]) -> list[list[str]]:
    """One row for each kind and format, and one for all."""
    rows = [_day_row(kind, form, rates) for (kind, form), rates in by_kind(days).items()]
    return [*rows, _day_row("all", "", Rates.of(days))]


def _day_row(kind: str, form: str, rates: Rates) -> list[str]:
    return [
        kind, form, f"{rates.hours:.0f}", str(rates.pages), f"{rates.pages_a_week:.1f}", str(rates.right),
        str(rates.notes), f"{rates.notes_a_day:.1f}", str(rates.alerts), f"{rates.alerts_a_week:.1f}",
    ]


def fault_rows(found: Sequence[Found]) -> list[list[str]]:
    """One row for each kind of fault, native and scraped, and one for all."""
    rows = [_fault_row(fault, side, recall) for (fault, side), recall in by_fault(found).items()]
    return [*rows, _fault_row("all", "", Recall.of(found))]


def _fault_row(fault: str, side: str, recall: Recall) -> list[str]:
    return [
        fault.replace("_", " "), side, str(recall.count), str(recall.paged), str(recall.reported),
        _seconds(recall.delay_s), str(recall.scope_right), str(recall.category_right), str(recall.alerted),
        _seconds(recall.alert_delay_s),
    ]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def page(days: Sequence[Healthy], found: Sequence[Found], kinds: Sequence[Kind], seeds: Sequence[int]) -> str:
    """The page in Markdown."""
    rates = Rates.of(days)
    names: Mapping[str, str] = {kind.name: kind.what for kind in kinds}
    parts = [
        "# Ordinary days",
        "Written by `python -m benchmarks.ordinary --published --publish`; do not edit.",
        f"{len(names)} kinds of healthy days, {rates.hours:,.0f} service-hours, from a simulated serving stack "
        "(`benchmarks/ordinary/generator/`), written as native records and as scrapes of vLLM; and the same days with "
        f"one fault in each service. Published seeds: {', '.join(map(str, seeds))}. Only their figures were looked at; "
        "development seeds were inspected. A page is an incident whose peak severity is P0 to P2, a note is P3 or P4. "
        "Warm-up counts.",
        f"On healthy days: **{rates.pages_a_thousand_hours:.1f} pages in 1,000 service-hours** "
        f"({rates.pages_a_week:.1f} a service-week), {rates.notes_a_day:.1f} notes a service-day; the rules of an SRE "
        f"page {rates.alerts_a_week:.1f} times a service-week.",
        "## Healthy days",
        "Expected pages are right: the one incident of a change that nobody announced, or monitoring that is away for "
        "over three minutes. They do not count as pages.",
        markdown(DAYS_HEAD, *day_rows(days)),
        "## Faults in their midst",
        "Paged: by an incident that opened while the fault lasted or within a minute of its end, does not contradict "
        "where it was, and is not there on the same day without it. Reported: by such an incident of any severity. "
        "Delays are from the onset to the opening of the incident, or to the firing of the rule.",
        markdown(FAULTS_HEAD, *fault_rows(found)),
        "## The kinds",
        markdown(("kind", "what happens"), *([name, what] for name, what in names.items())).replace("---:", "---"),
        "## The rules",
        f"```text\n{(rules.__doc__ or '').strip()}\n\n"
        + "\n".join(f"{rule.name}, for {rule.for_s:.0f} s" for rule in rules.RULES)
        + "\nReplicaStalled, for 300 s\nTargetDown, for 120 s\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    for at, name in enumerate(head):
        table.add_column(name, justify="right" if at > 1 else "left")
    for row in rows:
        table.add_row(*row)
    return table
