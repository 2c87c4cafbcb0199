"""What the limits ask of earlier actions, answered from the ledger's view. Pure. Cost: a pass over its entries."""

from __future__ import annotations

from collections.abc import Iterable

from actions.ledger.records import LedgerRecord
from actions.ledger.view import LedgerView
from actions.model import HARMLESS


class Past:
    """See `PastActions`. without: a key that is left out: of an intent that is claimed and is judged again."""

    def __init__(self, view: LedgerView, without: str | None = None) -> None:
        self._view = view
        self._without = without
        self.storm_since_s = view.storm_since_s
        self.storm_reset_s = view.storm_reset_s

    def last_executed_s(self, kind: str, target: str) -> float | None:
        """See `PastActions.last_executed_s`."""
        times = [
            r.at_s for r in self._attempts()
            if (r.kind, r.target) == (kind, target) and not r.undo and r.status != "failed"
        ]
        return max(times, default=None)

    def executed_since(self, since_s: float, service: str | None = None) -> int:
        """See `PastActions.executed_since`."""
        return sum(
            r.at_s >= since_s and not r.undo and r.kind not in HARMLESS and service in (None, r.service)
            for r in self._attempts()
        )

    def targets_acted_on(self, kind: str, since_s: float) -> frozenset[str]:
        """See `PastActions.targets_acted_on`. An undo counts only if it certainly ran."""
        done_s: dict[str, float] = {}
        undone_s: dict[str, float] = {}
        for record in self._attempts():
            if record.kind != kind or (record.undo and record.status != "executed"):
                continue
            times = undone_s if record.undo else done_s
            times[record.target] = max(record.at_s, times.get(record.target, record.at_s))
        return frozenset(t for t, at_s in done_s.items() if at_s >= since_s and not undone_s.get(t, at_s - 1) >= at_s)

    def in_force(self) -> frozenset[tuple[str, str]]:
        """See `PastActions.in_force`. An action that is under way may put something in force."""
        held = {(each.kind, each.target) for each in self._view.remedies() if each.in_force}
        begun = {
            (r.kind, r.target) for r in self._view.claimed()
            if not r.undo and r.kind not in HARMLESS and r.key != self._without
        }
        return frozenset(held | begun)

    def targets_in_force(self) -> frozenset[str]:
        """See `PastActions.targets_in_force`."""
        kept = {each.target for each in self._view.remedies() if each.state == "kept" and each.terms.undo != "never"}
        return frozenset(kept | {target for _, target in self.in_force()})

    def ineffective_runs(self, kind: str, target: str, since_s: float) -> int:
        """See `PastActions.ineffective_runs`."""
        return sum(
            (r.kind, r.target) == (kind, target) and r.at_s >= since_s for r in self._view.ineffective()
        )

    def ineffective_steps(self, service: str, step_id: str, since_s: float) -> int:
        """See `PastActions.ineffective_steps`."""
        return sum(
            (r.service, r.step_id) == (service, step_id) and r.at_s >= since_s for r in self._view.ineffective()
        )

    def attempts_of(self, incident_id: str, step_id: str, target: str) -> int:
        """See `PastActions.attempts_of`."""
        wanted = (incident_id, step_id, target)
        return sum((r.incident_id, r.step_id, r.target) == wanted and not r.undo for r in self._attempts())

    def _attempts(self) -> Iterable[LedgerRecord]:
        return (record for record in self._view.attempts() if record.key != self._without)
