"""A decider over a triage that sees a sick replica: for the tests of decisions."""

from __future__ import annotations

from dataclasses import replace

from actions.limits import LimitParams
from actions.model import Intent, Status
from actions.playbooks.playbook import Match, Playbook, Step, Verify
from classifiers.incidents.triage import IncidentChange, ServiceKey, Triage, TriageParams
from classifiers.model import Anomaly, Incident
from streams.shard.decisions import Decider, DecisionParams
from streams.shard.directives import ShardDirectives
from tests.classifiers.readings import ALL, R0, SERVICE, reading
from tests.streams.fakes import outcome

BREAKER = Step("circuit_breaker", "{service}/{replica}", verify=Verify(settle_s=2.0, within_s=10.0))
LADDER = Playbook(
    "bad-replica", 1, Match(scopes=("replica",)), "auto", (BREAKER, Step("notify", "{service}")), on_open=(),
)


class ThreeReplicas:
    """Every service has three replicas."""

    def replicas(self, service: ServiceKey, since_s: float) -> int:  # noqa: ARG002 - the protocol's signature
        return 3


class Case:
    """A decider over a triage that sees a sick replica, one second after the other."""

    def __init__(self, *playbooks: Playbook, triage: TriageParams | None = None) -> None:
        self.triage = Triage(triage or TriageParams(), lambda _: 2, "abc")
        self.directives = ShardDirectives(())
        params = DecisionParams(playbooks or (LADDER,), LimitParams())
        self.decider = Decider(params, self.triage, self.directives, ThreeReplicas(), 600.0)
        self.now_s = 0.0

    def second(self, sick: bool) -> tuple[list[IncidentChange], list[Intent]]:
        """One instant, and what is decided after it."""
        self.now_s += 1.0
        self.directives.apply_due(self.now_s)
        readings: list[Anomaly] = [
            reading(scope, "latency_ms", self.now_s, 1.0 if sick and scope == R0 else 0.0)
            for scope in (ALL, R0, replace(R0, replica="r1"))
        ]
        return self.decider.decide(self.triage.observe(SERVICE, self.now_s, readings), self.now_s)

    def until_open(self) -> tuple[Incident, Intent]:
        while True:
            changes, intents = self.second(sick=True)
            if changes:
                return changes[0].incident, intents[0]

    def until_resolved(self) -> tuple[Incident, list[Intent]]:
        while True:
            changes, intents = self.second(sick=False)
            if changes and changes[0].incident.state == "resolved":
                return changes[0].incident, intents

    def answer(self, intent: Intent, status: Status = "executed") -> tuple[list[IncidentChange], list[Intent]]:
        """The outcome of an intent, and what is decided after it."""
        change = self.decider.record_outcome(outcome(intent, status, self.now_s), self.now_s)
        return self.decider.decide([] if change is None else [change], self.now_s)
