"""Triage of one service whose latency follows a story, one character a second."""

from __future__ import annotations

from classifiers.incidents.params import TriageParams
from classifiers.incidents.triage import IncidentChange, Triage
from tests.classifiers.readings import ALL, CODE, FLEET, R0, R1, SERVICE, instant

FLAPPING_SOON = TriageParams(flap_openings=3, flap_within_s=60.0, flap_hold_s=20.0, reopen_within_s=60.0)
QUIET = "." * 8
"""As long as it takes an incident to resolve."""
FLAP = "00" + QUIET
"""An incident from its first alarm to its end."""


def make(params: TriageParams = FLAPPING_SOON) -> Triage:
    """A new triage."""
    return Triage(params, lambda _: 2, "abc")


def play(triage: Triage, story: str, start_s: int = 0) -> list[IncidentChange]:
    """The changes of a story: `.` as expected, `0` or `1` a slow replica r0 or r1, `t` a slow tenant, `n` all
    a little slow, `N` all very slow."""
    moves = {
        ".": {}, "n": dict.fromkeys(FLEET, 0.2), "N": dict.fromkeys(FLEET, 3.0), "0": {ALL: 0.4, R0: 1.0},
        "1": {ALL: 0.4, R1: 1.0}, "t": {ALL: 0.4, CODE: 1.0},
    }
    return [
        change for second, mark in enumerate(story, start_s)
        for change in triage.observe(SERVICE, float(second), instant(float(second), "latency_ms", moves[mark]))
    ]
