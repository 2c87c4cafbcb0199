"""How the demo looks: a live screen while it plays, one line per event where there is no screen, a report at the end.

Pure: a story goes in, something rich can print comes out. Colours repeat what a word or sign already says.
"""

from __future__ import annotations

import io
import re
import statistics
from collections import Counter
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from classifiers.model import Incident
from streams.demo.gateway import Change
from streams.demo.scoring import Fault, Finding
from streams.demo.story import Act, Story

SEVERITY_STYLE = {"P0": "bold white on red", "P1": "bold red", "P2": "yellow", "P3": "cyan", "P4": "dim"}
STATUS_STYLE = {
    "executed": "green", "decided": "dim", "failed": "red", "refused": "red", "expired": "red", "interrupted": "red",
}
LIVE_INCIDENTS = 9
LIVE_ACTS = 8
PICTURE_WIDTH = 120


def live(story: Story) -> RenderableType:
    """The screen of a running demo, as wide as the terminal."""
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=3)
    grid.add_column(ratio=2)
    grid.add_row(
        Panel(_live_incidents(story), title="incidents", title_align="left", border_style="dim"),
        Group(
            Panel(_gateway(story), title="gateway", title_align="left", border_style="dim"),
            Panel(_live_acts(story), title="actions", title_align="left", border_style="dim"),
        ),
    )
    return Group(_head(story), grid, _foot(story))


def report(story: Story) -> RenderableType:
    """The table at the end: per fault what was found and done, what was false, and what really changed."""
    parts: list[RenderableType] = [Text(), _findings(story)]
    false = story.score().false
    if false:
        parts += [Text(), _false_incidents(story, false)]
    parts += [Text(), _changes(story), Text(), _totals(story)]
    parts += [Text(f"FAILED  {reason}", style="bold red") for reason in story.failures()]
    return Group(*parts)


def picture(shown: RenderableType, title: str) -> str:
    """What is shown as an SVG document that loads nothing from elsewhere."""
    console = Console(record=True, width=PICTURE_WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(shown)
    return re.sub(r"@font-face \{.*?\}", "", console.export_svg(title=title), flags=re.DOTALL)


def incident_line(story: Story, incident: Incident) -> Text:
    """An incident that opened or resolved, as one line."""
    at_s = incident.opened_at_s if incident.state == "open" else incident.resolved_at_s or incident.opened_at_s
    return Text.assemble(
        (_clock(at_s - story.origin_s), "dim"), f"  {incident.state:<9}", _severity(incident.severity),
        f"  {_words(incident.category)}: {incident.title}",
    )


def act_line(story: Story, act: Act) -> Text:
    """A decision or its outcome, as one line."""
    at_s = act.head.decided_at_s if act.outcome is None else act.outcome.done_at_s
    return Text.assemble(
        (_clock(at_s - story.origin_s), "dim"), f"  {'action':<9}", f"{_words(act.name)} {act.head.target} ",
        _status(act.status), f": {act.why}" if act.why else "",
    )


def change_line(story: Story, change: Change) -> Text:
    """A switch that moved at the gateway, as one line."""
    return Text.assemble(
        (_clock(change.at_s - story.origin_s), "dim"), f"  {'gateway':<9}",
        f"{change.switch} of {change.target}: {change.before} -> {change.after} (by {change.actor})",
    )


def fault_line(fault: Fault) -> Text:
    """A fault that begins in the recording, as one line."""
    return Text.assemble((_clock(fault.start_s), "dim"), f"  {'fault':<9}{_words(fault.kind)}, {fault.scope}")


def scope_of(incident: Incident) -> str:
    """What an incident singles out, or `all`."""
    pairs = (("version", incident.version), ("replica", incident.replica), ("tenant", incident.tenant))
    return ", ".join(f"{name} {value}" for name, value in pairs if value is not None) or "all"


def _head(story: Story) -> RenderableType:
    total_s = story.truth.duration_s
    now = next((f for f in story.truth.scored if f.start_s <= story.now_s <= f.end_s), None)
    doing = {
        "starting": story.note or "starting", "settling": "waiting for the last verdicts", "done": "done",
        "playing": f"injected now: {_words(now.kind)}, {now.scope}" if now else "nothing injected now",
    }[story.phase]
    title = Text.assemble(
        (f"{story.truth.recording} at {story.speed:g}x", "bold"),
        f"  {_minute(story.now_s)} of {_minute(total_s)}  {story.requests_per_s:,.0f} requests/s  ",
        (doing, "bold magenta" if now and story.phase == "playing" else "dim"),
    )
    bar = Table.grid(expand=True)
    bar.add_row(ProgressBar(total=total_s, completed=min(story.now_s, total_s)))
    return Group(title, bar)


def _live_incidents(story: Story) -> RenderableType:
    table = Table.grid(padding=(0, 1), expand=True)
    for ratio in (None, None, None, 1):
        table.add_column(ratio=ratio, no_wrap=True, overflow="ellipsis")
    ordered = sorted(story.incidents.values(), key=lambda incident: (incident.opened_at_s, incident.id))
    for incident in ordered[-LIVE_INCIDENTS:]:
        is_open = incident.state == "open"
        table.add_row(
            Text(_clock(incident.opened_at_s - story.origin_s), "dim"), _severity(incident.severity),
            Text("open", "bold") if is_open else Text("resolved", "dim"),
            Text.assemble(_words(incident.category), (f", {scope_of(incident)}", "dim")),
        )
    return table if ordered else Text("none yet", "dim")


def _live_acts(story: Story) -> RenderableType:
    table = Table.grid(padding=(0, 1), expand=True)
    for ratio in (None, 1, None):
        table.add_column(ratio=ratio, no_wrap=True, overflow="ellipsis")
    ordered = sorted(story.acts.values(), key=lambda act: (act.head.decided_at_s, act.head.key))
    for act in ordered[-LIVE_ACTS:]:
        when = Text(_clock(act.head.decided_at_s - story.origin_s), "dim")
        table.add_row(when, f"{_words(act.name)} {act.head.target}", _status(act.status))
    return table if ordered else Text("none yet", "dim")


def _gateway(story: Story) -> RenderableType:
    opened = [target for target, state in story.breakers.items() if state == "open"]
    slowed = [f"{target} to {factor:.0%}" for target, factor in story.throttles.items() if factor < 1]
    table = Table.grid(padding=(0, 1))
    table.add_row(Text("version", "dim"), Text(story.served or "unknown", "bold"))
    table.add_row(Text("breakers", "dim"), Text(", ".join(opened) + " open", "red") if opened else Text("all closed"))
    table.add_row(Text("throttles", "dim"), Text(", ".join(slowed), "yellow") if slowed else Text("none"))
    return table


def _foot(story: Story) -> RenderableType:
    found = story.score()
    worker = story.worker
    parts = [
        f"faults found {found.found} of {sum(f.start_s <= story.now_s for f in story.truth.scored)} so far",
        f"false incidents {len(found.false)}", f"records {_count(worker.records)}", f"dead {_count(worker.dead)}",
        f"lag {_count(worker.lag)}",
    ]
    text = Text("  ·  ".join(parts), "dim")
    return Group(text, *(Text(f"worker: {reason}", "bold red") for reason in worker.complaints))


def _findings(story: Story) -> Table:
    table = _table("Injected faults and what became of them")
    table.add_column("fault", ratio=4)
    table.add_column("detected\nafter", justify="right", no_wrap=True)
    table.add_column("category", ratio=5)
    table.add_column("sev.", no_wrap=True)
    table.add_column("scope", ratio=3)
    table.add_column("action: outcome", ratio=7)
    for finding in story.score().findings:
        table.add_section()
        fault = finding.fault
        name = Text.assemble(_words(fault.kind), (f"\n{_minute(fault.start_s)} to {_minute(fault.end_s)}", "dim"))
        first = finding.first
        if first is None or finding.delay_s is None:
            table.add_row(name, Text("missed", "bold red"), *[Text("-", "dim")] * 4)
            continue
        table.add_row(
            name, Text.assemble(f"{finding.delay_s:.1f} s", (_more(len(finding.incidents) - 1), "dim")),
            _judged(_words(first.category), finding.category_right, map(_words, fault.categories)),
            _judged(first.peak_severity, finding.severity_right, fault.severities),
            _judged(scope_of(first), finding.scope_right, [fault.scope]),
            _acts(story, finding),
        )
    return table


def _acts(story: Story, finding: Finding) -> RenderableType:
    """What was done: an act that was repeated is told once with its number, an undo that worked with what it undid."""
    acts = story.acts_of({incident.id for incident in finding.incidents})
    undone = {(act.head.kind, act.head.target) for act in acts if _is_undo_done(act)}
    counts = Counter((act.name, act.head.kind, act.head.target, act.status) for act in acts if not _is_undo_done(act))
    lines = []
    for (name, kind, target, status), count in counts.items():
        after = " (resolved)" if kind == "notify" else " (undone)"
        is_over = status == "executed" and (kind, target) in undone
        times = f" {count} times" if count > 1 else ""
        lines.append(Text.assemble(f"{_words(name)} {target}: ", _status(status), times, after if is_over else ""))
    return Text("\n").join(lines) if lines else Text("none", "dim")


def _is_undo_done(act: Act) -> bool:
    return act.head.undo and act.status == "executed"


def _false_incidents(story: Story, false: Iterable[Incident]) -> Table:
    table = _list("False incidents")
    for name in ("at", "sev.", "category", "scope", "title"):
        table.add_column(name, style="dim" if name == "at" else "")
    for incident in false:
        at = _clock(incident.opened_at_s - story.origin_s)
        table.add_row(at, incident.peak_severity, _words(incident.category), scope_of(incident), incident.title)
    return table


def _changes(story: Story) -> RenderableType:
    if not story.changes:
        return Text("The gateway: nothing changed.")
    table = _list("What changed at the gateway")
    for name in ("at", "by", "switch", "target", "change"):
        table.add_column(name, style="dim" if name == "at" else "")
    for change in story.changes:
        moved = f"{change.before} -> {change.after}"
        table.add_row(_clock(change.at_s - story.origin_s), change.actor, change.switch, change.target, moved)
    return table


def _totals(story: Story) -> RenderableType:
    found = story.score()
    delays = [finding.delay_s for finding in found.findings if finding.delay_s is not None]
    median = f" (median after {statistics.median(delays):.1f} s)" if delays else ""
    executed = sum(act.status == "executed" for act in story.acts.values())
    moved = _plural(len(story.changes_by_tocsin()), "switch", "switches")
    return Text("\n".join((
        f"{found.found} of {len(found.findings)} faults found{median}, {_plural(len(found.false), 'false incident')}",
        f"{executed} of {_plural(len(story.acts), 'action')} executed, which moved {moved} at the gateway",
        f"{story.sent:,} requests as {_count(story.worker.records)} records, {_count(story.worker.dead)} dead, "
        f"in {story.wall_s:.0f} s",
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
