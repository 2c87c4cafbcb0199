"""Replicas that fell silent: whether one has left, or hangs and loses the requests that are sent to it.

The states of a silent replica, by what `Traffic.judge` says of its requests:

    undecided --lost--> lost --taken over--> left
        |---silent for long, loss much likelier--> suspected --lost, taken over, silent for twice as long--> lost, left
        |---taken over, or silent for long and loss not likelier, or silent for twice as long--> left

A replica that reports again is none of them any more. One that has left is an audit entry and nothing else; one that is
suspected is worth a note. Pure.
Crash: the states come back with the snapshot. Duplicate: not possible, a state is left once.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from classifiers.model import AuditEntry, Scope
from streams.presence.share_test import ShareTest
from streams.presence.traffic import Traffic

Status = Literal["undecided", "suspected", "lost", "left"]
SUSPECTED_NATS = 3.0
"""The log likelihood ratio from which on a loss is worth a note: twenty to one, since replicas leave far more often
than they hang."""


@dataclass(frozen=True, slots=True)
class Silent:
    """A silent replica that was decided on, at at_s. test: what decided."""

    status: Status
    at_s: float
    test: ShareTest


_DUMP: TypeAdapter[list[tuple[Scope, Silent]]] = TypeAdapter(list[tuple[Scope, Silent]])


class Departures:
    """silent_after_s: a replica that is undecided for so long has left; later where exporters report seldom."""

    def __init__(self, traffic: Traffic, silent_after_s: float) -> None:
        self._traffic = traffic
        self._silent_after_s = silent_after_s
        self._silent: dict[Scope, Silent] = {}
        self._audit: list[AuditEntry] = []

    def status(self, scope: Scope, service: int, since_s: float, now_s: float) -> Status:
        """The state of a replica that is silent, or serves nothing, since then. service: number of its service and
        model.
        """
        known = self._silent.get(scope)
        served_s = self._traffic.served_s(service, str(scope.replica))
        since_s = since_s if served_s is None else served_s
        if known is not None and since_s > known.at_s:
            known = None
        if known is not None and known.status == "left":
            return "left"
        if known is not None:
            return self._check_lost(scope, service, known, since_s, now_s)
        test = self._traffic.judge(service, str(scope.replica), now_s)
        if test.verdict == "lost":
            self._silent[scope] = Silent("lost", now_s, test)
            return "lost"
        if test.verdict == "taken over":
            return self._leave(scope, since_s, test, now_s, "the others serve its requests")
        patience_s = max(self._silent_after_s, self._traffic.patience_s(service, str(scope.replica)))
        if patience_s <= now_s - since_s < 2.0 * patience_s and test.nats > 0.0:
            return "suspected" if test.nats >= SUSPECTED_NATS else "undecided"
        if now_s - since_s >= patience_s:
            why = "what it served before is unknown" if test.verdict == "unknown" else (
                "too few requests to tell whether the others serve its own"
            )
            return self._leave(scope, since_s, test, now_s, why)
        return "undecided"

    def _check_lost(self, scope: Scope, service: int, known: Silent, since_s: float, now_s: float) -> Status:
        """Whether its requests are still lost: the service serves less than before by more than half its share."""
        serving = self._traffic.serving_share(service, str(scope.replica), known.test, now_s)
        assert known.test.share is not None
        if serving is None or serving < 1.0 - known.test.share / 2.0:
            return "lost"
        return self._leave(scope, since_s, known.test, now_s, "the others serve its requests now")

    def _leave(self, scope: Scope, since_s: float, test: ShareTest, now_s: float, why: str) -> Status:
        self._silent[scope] = Silent("left", now_s, test)
        subject = f"{scope.service}/{scope.model or '-'} replica={scope.replica}"
        reason = f"served nothing for {now_s - since_s:.0f} s, it has left: {why}"
        self._audit.append(AuditEntry(now_s, subject, "leave", "silent", "left", reason))
        return "left"

    def drop_before(self, at_s: float) -> None:
        """Forget what was decided before then."""
        self._silent = {scope: one for scope, one in self._silent.items() if one.at_s >= at_s}

    def take_audit(self) -> list[AuditEntry]:
        """The audit entries since the last call."""
        audit, self._audit = self._audit, []
        return audit

    def dump(self) -> list[Any]:
        """The states as JSON values."""
        return [[asdict(scope), asdict(one)] for scope, one in self._silent.items()]

    def load(self, data: object) -> None:
        """Go on from a dump; raises `ValueError` when it is not one."""
        self._silent = dict(_DUMP.validate_python(data))
