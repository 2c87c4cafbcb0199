"""The state of a finished demo: the faults of the first recording, with incidents and actions as a worker publishes."""

from __future__ import annotations

from pathlib import Path

from actions.model import Intent, Outcome, Status
from classifiers.model import Category, Incident, Severity
from streams.demo.scoring import read_truth
from streams.demo.state import DemoState, Phase, WorkerStatus
from streams.sandbox.gateway import Change

FOLDER = Path(__file__).parents[3] / "streams" / "demo" / "recording" / "serving-h100-1"
ORIGIN_S = 1_800_000_000.0


def incident(
    identity: str, at_s: float, category: Category = "performance_degradation", severity: Severity = "P1", *,
    version: str | None = None, replica: str | None = None, tenant: str | None = None, resolved_s: float | None = None,
    title: str = "latency is up",
) -> Incident:
    """An incident that opened `at_s` seconds into the recording."""
    return Incident(
        identity, "open" if resolved_s is None else "resolved", ORIGIN_S + at_s, ORIGIN_S + at_s - 1.0,
        None if resolved_s is None else ORIGIN_S + resolved_s, category, severity, severity, "serving", "bytegpt",
        version, replica, tenant, title,
    )


def intent(key: str, incident_id: str, kind: str, target: str, at_s: float, *, undo: bool = False) -> Intent:
    """A decision `at_s` seconds into the recording."""
    decided_s = ORIGIN_S + at_s
    return Intent(key, incident_id, kind, target, "auto", "because", decided_s, decided_s + 60, "serving", undo=undo)


def outcome(decided: Intent, status: Status = "executed") -> Outcome:
    """What came of a decision, half a second later."""
    return Outcome(
        decided.key, decided.incident_id, decided.kind, decided.target, decided.mode, status,
        f"{decided.kind} {status}", decided.decided_at_s, decided.decided_at_s + 0.5, decided.undo,
    )


def finished_demo(now_s: float = 400.0, phase: Phase = "done") -> DemoState:
    """A run in which four of five faults were found, one of them of the wrong category, and one incident is false."""
    demo = DemoState(read_truth(FOLDER), speed=10.0, origin_s=ORIGIN_S, now_s=now_s, wall_s=47.2, phase=phase)
    demo.sent, demo.requests_per_s, demo.served = 23_386, 583.0, "v1"
    demo.worker = WorkerStatus(records=70_158, dead=0, lag=0)
    incidents = [
        incident("i1", 81.4, "model_degradation", "P0", version="v2", resolved_s=120.0),
        incident("i2", 152.2, severity="P2", resolved_s=190.0),
        incident("i3", 212.9, "security", "P3", tenant="prose", resolved_s=250.0),
        incident("f1", 262.0, "availability", "P4", replica="r1", title="replica r1 sent nothing for 5 s"),
        incident("i4", 271.0, "resource_exhaustion", "P1", replica="r0", title="completion tokens are up 6x"),
    ]
    demo.incidents = {found.id: found for found in incidents}
    decided = [
        intent("k1", "i1", "rollback", "bytegpt", 81.5), intent("k2", "i2", "notify", "oncall", 152.3),
        intent("k3", "i4", "circuit_breaker", "serving/r0", 271.2), intent("k4", "i4", "throttle", "serving/r0", 285.0),
        intent("k5", "i4", "circuit_breaker", "serving/r0", 299.0, undo=True),
    ]
    statuses: list[Status] = ["executed", "suggested", "executed", "cooldown"]
    for action, status in zip(decided, statuses, strict=False):
        demo.add_intent(action)
        demo.add_outcome(outcome(action, status))
    demo.add_intent(decided[-1])
    demo.breakers = {"serving/r0": "open", "serving/r1": "closed"}
    demo.throttles = {"serving/r0": 1.0, "serving/prose": 0.5}
    demo.changes = (
        Change(ORIGIN_S + 80.0, "operator", "version", "serving/bytegpt", "v1", "v2"),
        Change(ORIGIN_S + 82.0, "tocsin", "version", "serving/bytegpt", "v2", "v1", "k1"),
        Change(ORIGIN_S + 271.7, "tocsin", "breaker", "serving/r0", "closed", "open", "k3"),
    )
    return demo
