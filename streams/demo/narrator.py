"""The demo told line by line, for pipes and logs: each fault, incident, action and switch once, as it happens."""

from __future__ import annotations

from rich.text import Text

from streams.demo import view
from streams.demo.story import Story


class Narrator:
    """Remembers what was told; `news` gives the lines that are new since the last call."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()
        self._changes = 0

    def news(self, story: Story) -> list[Text]:
        """What happened since, in order of kind: faults, incidents that opened or resolved, outcomes, switches."""
        lines = [
            view.fault_line(fault) for fault in story.truth.scored
            if fault.start_s <= story.now_s and self._first("fault", f"{fault.kind} {fault.start_s}")
        ]
        lines += [
            view.incident_line(story, incident) for incident in story.incidents.values()
            if self._first("incident", f"{incident.id} {incident.state}")
        ]
        lines += [
            view.act_line(story, act) for act in story.acts.values()
            if act.outcome is not None and self._first("outcome", act.head.key)
        ]
        lines += [view.change_line(story, change) for change in story.changes[self._changes:]]
        self._changes = len(story.changes)
        return lines

    def _first(self, kind: str, key: str) -> bool:
        new = (kind, key) not in self._told
        self._told.add((kind, key))
        return new
