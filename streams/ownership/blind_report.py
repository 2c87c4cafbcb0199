"""The incident that a worker publishes about itself when it could not judge its shards for a while. Pure.

It is of category `telemetry` and of no shard: it follows from the state of the supply and not from records, no policy
sees it, and nothing is ever done about it. Its severity rises with time: first a note, then a page.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from classifiers.model import Incident, Severity

REPORT_AFTER_S = 30.0
SEVERITIES: tuple[tuple[float, Severity], ...] = ((600.0, "P1"), (180.0, "P2"), (REPORT_AFTER_S, "P3"))
"""The severity from so many seconds of blindness on."""
REPEAT_EVERY_S = 60.0
"""While it lasts it is published again, so a reader tells an incident of a dead worker from one that lasts."""
SERVICE = "tocsin"


class BlindReport:
    """What one worker reports. source: of its events; worker: its name."""

    def __init__(self, source: str, worker: str) -> None:
        self._source = source
        self._worker = worker
        self._open: Incident | None = None
        self._published_s = 0.0

    def observe(self, blind_s: float, at_s: float) -> Incident | None:
        """To be called often: for how long the worker has been blind, 0 while it sees. Returns what to publish now.

        at_s: seconds since the epoch.
        """
        if self._open is not None and blind_s == 0.0:
            resolved, self._open = self._resolved(self._open, at_s), None
            return resolved
        severity = next((severity for least_s, severity in SEVERITIES if blind_s >= least_s), None)
        if severity is None:
            return None
        if self._open is None:
            self._open = self._opened(severity, blind_s, at_s)
        elif severity != self._open.severity:
            self._open = replace(self._open, severity=severity, peak_severity=severity)
        elif abs(at_s - self._published_s) < REPEAT_EVERY_S:
            return None
        self._published_s = at_s
        return self._open

    def _opened(self, severity: Severity, blind_s: float, at_s: float) -> Incident:
        digest = hashlib.sha256(f"{self._source}/{self._worker}/{at_s:.0f}".encode()).hexdigest()[:16]
        return Incident(
            f"inc-{digest}", "open", at_s, at_s - blind_s, None, "telemetry", severity, severity, SERVICE, None, None,
            self._worker, None, f"{self._worker}: its inputs cannot be judged, nobody watches their services here",
            opened_severity=severity,
        )

    def _resolved(self, opened: Incident, at_s: float) -> Incident:
        lasted_s = at_s - opened.onset_at_s
        return replace(
            opened, state="resolved", resolved_at_s=at_s,
            title=f"{self._worker}: its inputs could not be judged for {lasted_s:.0f} s, nobody watched them here",
        )
