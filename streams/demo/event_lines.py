"""The events of the demo as lines, for pipes and logs: each fault, incident, status of an action, verdict
on a remedy and switch once, as it happens.
"""

from __future__ import annotations

from rich.text import Text

from streams.demo import view
from streams.demo.state import DemoState


class EventLines:
    """Remembers which events were shown; `new_lines` gives those that are new since the last call."""

    def __init__(self) -> None:
        self._shown: set[tuple[str, str]] = set()
        self._changes = 0

    def new_lines(self, demo: DemoState) -> list[Text]:
        """The events that became known since the last call, in order of time: faults, incidents that opened or
        resolved, outcomes, verdicts on remedies, switches, the end of the recording."""
        lines = [
            view.fault_line(fault) for fault in demo.truth.scored
            if fault.start_s <= demo.now_s and self._first("fault", f"{fault.kind} {fault.start_s}")
        ]
        if demo.phase in ("settling", "done") and self._first("end", ""):
            lines.append(view.end_line(demo))
        lines += [
            view.incident_line(demo, incident) for incident in demo.incidents.values()
            if self._first("incident", f"{incident.id} {incident.state}")
        ]
        lines += [
            view.action_line(demo, action) for action in demo.actions.values()
            if action.outcome is not None and self._first("outcome", f"{action.decision.key} {action.status}")
        ]
        lines += [
            view.verdict_line(demo, remedy) for remedy in demo.verdicts().values()
            if self._first("verdict", f"{remedy.key} {remedy.state}")
        ]
        lines += [view.change_line(demo, change) for change in demo.changes[self._changes:]]
        self._changes = len(demo.changes)
        return [line.text for line in sorted(lines, key=lambda line: line.at_s)]

    def _first(self, kind: str, key: str) -> bool:
        new = (kind, key) not in self._shown
        self._shown.add((kind, key))
        return new
