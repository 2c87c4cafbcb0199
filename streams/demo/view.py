"""The views of the demo: a live screen while it plays, one line per event without a screen, a report at the end.

Pure: from the state of a demo to something that rich can print. Colours only repeat what a word or sign already says.
"""

from __future__ import annotations

import io
import re
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from classifiers.model import Incident, RemedyRecord
from streams.demo.not_executed import not_executed
from streams.demo.scoring import Fault, Finding
from streams.demo.state import ActionProgress, DemoState
from streams.sandbox.gateway import Change

SEVERITY_STYLE = {"P0": "bold white on red", "P1": "bold red", "P2": "yellow", "P3": "cyan", "P4": "dim"}
STATUS_STYLE = {
    "executed": "green", "decided": "dim", "failed": "red", "refused": "red", "expired": "red", "interrupted": "red",
}
LIVE_INCIDENTS = 9
LIVE_ACTIONS = 8
PICTURE_WIDTH = 120


def live(demo: DemoState) -> RenderableType:
    """The screen of a running demo, as wide as the terminal."""
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=3)
    grid.add_column(ratio=2)
    grid.add_row(
        Panel(_live_incidents(demo), title="incidents", title_align="left", border_style="dim"),
        Group(
            Panel(_gateway(demo), title="gateway", title_align="left", border_style="dim"),
            Panel(_live_actions(demo), title="actions", title_align="left", border_style="dim"),
        ),
    )
    return Group(_head(demo), grid, _foot(demo))


def report(demo: DemoState) -> RenderableType:
    """The report at the end: findings and actions by fault, false incidents, changes at the gateway."""
    parts: list[RenderableType] = [Text(), _findings(demo)]
    false = demo.score().false_incidents
    if false:
        parts += [Text(), _false_incidents(demo, false)]
    parts += [Text(), _changes(demo), Text(), _totals(demo)]
    parts += [Text(line, style="yellow") for line in not_executed(demo)]
    parts += [Text(f"FAILED  {reason}", style="bold red") for reason in demo.failures()]
    return Group(*parts)


def picture(shown: RenderableType, title: str) -> str:
    """An SVG document of what rich would print; it loads nothing from elsewhere."""
    console = Console(record=True, width=PICTURE_WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(shown)
    return re.sub(r"@font-face \{.*?\}", "", console.export_svg(title=title), flags=re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """An event as one line. at_s: seconds into the recording."""

    at_s: float
    kind: str
    what: Text

    @property
    def text(self) -> Text:
        """With time and kind before it."""
        return Text.assemble((_clock(self.at_s), "dim"), f"  {self.kind:<9}", self.what)


def incident_line(demo: DemoState, incident: Incident) -> Line:
    """An incident that opened or resolved, as one line."""
    at_s = incident.opened_at_s if incident.state == "open" else incident.resolved_at_s or incident.opened_at_s
    return Line(at_s - demo.origin_s, incident.state, Text.assemble(
        _severity(incident.severity), f"  {_words(incident.category)}: {incident.title}",
    ))


def action_line(demo: DemoState, action: ActionProgress) -> Line:
    """A decision or its outcome, as one line."""
    at_s = action.decision.decided_at_s if action.outcome is None else action.outcome.done_at_s
    return Line(at_s - demo.origin_s, "action", Text.assemble(
        f"{_words(action.name)} {action.decision.target} ", _status(action.status),
        f", approved by {action.approved_by}" if action.approved_by else "",
        f": {action.reason}" if action.reason else "",
    ))


def verdict_line(demo: DemoState, remedy: RemedyRecord) -> Line:
    """Whether a remedy helped, as one line."""
    what = f"{_words(remedy.kind)} {remedy.target}: {_words(remedy.state)}, {remedy.detail}"
    return Line(remedy.since_s - demo.origin_s, "verified", Text(what))


def change_line(demo: DemoState, change: Change) -> Line:
    """A switch that moved at the gateway, as one line."""
    moved = f"{change.before} -> {change.after}"
    what = f"{change.switch} of {change.target}: {moved} (by {change.actor})"
    return Line(change.at_s - demo.origin_s, "gateway", Text(what))


def fault_line(fault: Fault) -> Line:
    """A fault that begins in the recording, as one line."""
    return Line(fault.start_s, "fault", Text(f"{_words(fault.kind)}, {fault.scope}"))


def end_line(demo: DemoState) -> Line:
    """The end of the recording, as one line: without it, the last incident looks like a false one."""
    what = "the recording ends here; no more requests come, so the whole service will be reported as silent"
    return Line(demo.truth.duration_s, "end", Text(what))


def scope_of(incident: Incident) -> str:
    """The version, replica and tenant of an incident, or `all`."""
    pairs = (("version", incident.version), ("replica", incident.replica), ("tenant", incident.tenant))
    return ", ".join(f"{name} {value}" for name, value in pairs if value is not None) or "all"


def _head(demo: DemoState) -> RenderableType:
    total_s = demo.truth.duration_s
    now = next((f for f in demo.truth.scored if f.start_s <= demo.now_s <= f.end_s), None)
    doing = {
        "starting": demo.note or "starting", "settling": "waiting for the last results", "done": "done",
        "playing": f"injected now: {_words(now.kind)}, {now.scope}" if now else "nothing injected now",
    }[demo.phase]
    title = Text.assemble(
        (f"{demo.truth.recording} at {demo.speed:g}x", "bold"),
        f"  {_minute(demo.now_s)} of {_minute(total_s)}  {demo.requests_per_s:,.0f} requests/s  ",
        (doing, "bold magenta" if now and demo.phase == "playing" else "dim"),
    )
    bar = Table.grid(expand=True)
    bar.add_row(ProgressBar(total=total_s, completed=min(demo.now_s, total_s)))
    return Group(title, bar)


def _live_incidents(demo: DemoState) -> RenderableType:
    table = Table.grid(padding=(0, 1), expand=True)
    for ratio in (None, None, None, 1):
        table.add_column(ratio=ratio, no_wrap=True, overflow="ellipsis")
    ordered = sorted(demo.incidents.values(), key=lambda incident: (incident.opened_at_s, incident.id))
    for incident in ordered[-LIVE_INCIDENTS:]:
        is_open = incident.state == "open"
        table.add_row(
            Text(_clock(incident.opened_at_s - demo.origin_s), "dim"), _severity(incident.severity),
            Text("open", "bold") if is_open else Text("resolved", "dim"),
            Text.assemble(_words(incident.category), (f", {scope_of(incident)}", "dim")),
        )
    return table if ordered else Text("none yet", "dim")


def _live_actions(demo: DemoState) -> RenderableType:
    table = Table.grid(padding=(0, 1), expand=True)
    for ratio in (None, 1, None):
        table.add_column(ratio=ratio, no_wrap=True, overflow="ellipsis")
    ordered = sorted(demo.actions.values(), key=lambda action: (action.decision.decided_at_s, action.decision.key))
    for action in ordered[-LIVE_ACTIONS:]:
        when = Text(_clock(action.decision.decided_at_s - demo.origin_s), "dim")
        table.add_row(when, f"{_words(action.name)} {action.decision.target}", _status(action.status))
    return table if ordered else Text("none yet", "dim")


def _gateway(demo: DemoState) -> RenderableType:
    opened = [target for target, state in demo.breakers.items() if state == "open"]
    slowed = [f"{target} to {factor:.0%}" for target, factor in demo.throttles.items() if factor < 1]
    table = Table.grid(padding=(0, 1))
    table.add_row(Text("version", "dim"), Text(demo.served or "unknown", "bold"))
    table.add_row(Text("breakers", "dim"), Text(", ".join(opened) + " open", "red") if opened else Text("all closed"))
    table.add_row(Text("throttles", "dim"), Text(", ".join(slowed), "yellow") if slowed else Text("none"))
    return table


def _foot(demo: DemoState) -> RenderableType:
    found = demo.score()
    worker = demo.worker
    parts = [
        f"faults found {found.found} of {sum(f.start_s <= demo.now_s for f in demo.truth.scored)} so far",
        f"false incidents {len(found.false_incidents)}", f"records {_count(worker.records)}",
        f"dead {_count(worker.dead)}", f"lag {_count(worker.lag)}",
    ]
    text = Text("  ·  ".join(parts), "dim")
    return Group(text, *(Text(f"worker: {reason}", "bold red") for reason in worker.problems))


def _findings(demo: DemoState) -> Table:
    table = _table("Injected faults and what became of them")
    table.add_column("fault", ratio=4)
    table.add_column("detected\nafter", justify="right", no_wrap=True)
    table.add_column("category", ratio=5)
    table.add_column("sev.", no_wrap=True)
    table.add_column("scope", ratio=3)
    table.add_column("action: outcome", ratio=7)
    for finding in demo.score().findings:
        table.add_section()
        fault = finding.fault
        name = Text.assemble(_words(fault.kind), (f"\n{_minute(fault.start_s)} to {_minute(fault.end_s)}", "dim"))
        first = finding.first
        if first is None or finding.delay_s is None:
            table.add_row(name, Text("missed", "bold red"), *[Text("-", "dim")] * 4)
            continue
        table.add_row(
            name, Text.assemble(f"{finding.delay_s:.1f} s", (_more(len(finding.incidents) - 1), "dim")),
            _judged(_words(first.category), finding.category_right, map(_words, fault.expected.categories)),
            _judged(first.peak_severity, finding.severity_right, fault.expected.severities),
            _judged(scope_of(first), finding.scope_right, [fault.scope]),
            _actions(demo, finding),
        )
    return table


def _actions(demo: DemoState, finding: Finding) -> RenderableType:
    """The actions on a finding: repeats once with their number, a successful undo together with its action; who
    approved it, and whether it helped."""
    actions = demo.actions_of({incident.id for incident in finding.incidents})
    undone = {(one.decision.kind, one.decision.target) for one in actions if _is_undo_done(one)}
    verdicts = demo.verdicts()
    counts = Counter(
        (one.name, one.decision.kind, one.decision.target, one.status, _notes(one, verdicts.get(one.decision.key)))
        for one in actions if not _is_undo_done(one)
    )
    lines = []
    for (name, kind, target, status, notes), count in counts.items():
        after = " (resolved)" if kind == "notify" else " (undone)"
        is_over = status == "executed" and (kind, target) in undone
        times = f" {count} times" if count > 1 else ""
        lines.append(Text.assemble(f"{_words(name)} {target}: ", _status(status), times, after if is_over else ""))
        lines += [Text(f"  {notes}", "dim")] if notes else []
    return Text("\n").join(lines) if lines else Text("none", "dim")


def _notes(action: ActionProgress, verdict: RemedyRecord | None) -> str:
    """Who approved an action, and whether it helped; empty where neither is known."""
    notes = [f"approved by {action.approved_by}"] if action.approved_by else []
    if verdict is not None and not action.decision.undo:
        notes.append(f"verified: {_words(verdict.state)}")
    return ", ".join(notes)


def _is_undo_done(action: ActionProgress) -> bool:
    return action.decision.undo and action.status == "executed"


def _false_incidents(demo: DemoState, false: Iterable[Incident]) -> Table:
    table = _list("False incidents")
    for name in ("at", "sev.", "category", "scope", "title"):
        table.add_column(name, style="dim" if name == "at" else "")
    for incident in false:
        at = _clock(incident.opened_at_s - demo.origin_s)
        table.add_row(at, incident.peak_severity, _words(incident.category), scope_of(incident), incident.title)
    return table


def _changes(demo: DemoState) -> RenderableType:
    if not demo.changes:
        return Text("The gateway: nothing changed.")
    table = _list("What changed at the gateway")
    for name in ("at", "by", "switch", "target", "change"):
        table.add_column(name, style="dim" if name == "at" else "")
    for change in demo.changes:
        moved = f"{change.before} -> {change.after}"
        table.add_row(_clock(change.at_s - demo.origin_s), change.actor, change.switch, change.target, moved)
    return table


def _totals(demo: DemoState) -> RenderableType:
    found = demo.score()
    delays = [finding.delay_s for finding in found.findings if finding.delay_s is not None]
    median = f" (median after {statistics.median(delays):.1f} s)" if delays else ""
    executed = sum(action.status == "executed" for action in demo.actions.values())
    own = sum(change.actor == "tocsin" for change in demo.changes)
    changes = _plural(len(demo.changes), "change")
    pages = sum(notice.event == "page" for notice in demo.told)
    false = _plural(len(found.false_incidents), "false incident")
    return Text("\n".join((
        f"{found.found} of {len(found.findings)} faults found{median}, {false}",
        f"{executed} of {_plural(len(demo.actions), 'action')} executed, which made {own} of {changes} at the gateway",
        f"{_plural(len(demo.told), 'notification')} told, {pages} of them pages",
        f"{demo.sent:,} requests as {_count(demo.worker.records)} records, {_count(demo.worker.dead)} dead, "
        f"in {demo.wall_s:.0f} s",
    )), "bold")


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", expand=True)


def _list(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)


def _judged(text: str, right: bool, expected: Iterable[str]) -> Text:
    if right:
        return Text.assemble(("✓ ", "green"), text)
    return Text.assemble(("✗ ", "red"), text, (f"\nexpected {' or '.join(expected)}", "dim"))


def _severity(severity: str) -> Text:
    return Text(severity, SEVERITY_STYLE.get(severity, ""))


def _status(status: str) -> Text:
    return Text(status.replace("_", " "), STATUS_STYLE.get(status, "yellow"))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _more(others: int) -> str:
    return f"\n+{others} more" if others else ""


def _plural(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _minute(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _clock(seconds: float) -> str:
    """Minutes and seconds of the recording.

    >>> _clock(83.96), _clock(-2)
    ('1:23.9', '-0:02.0')
    """
    tenths = abs(int(seconds * 10))
    return f"{'-' if seconds < 0 else ''}{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"
