"""The verifications of the remedies of one shard: whether each helped, judged at every instant. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from actions.model import Intent
from actions.playbooks.record import JudgedRun, StepRecord
from actions.playbooks.verification import INEFFECTIVE, Signs, Verification, begin, conclude, judge, plan, undone
from classifiers.model import MAY_HAVE_RUN, ActionRecord, AuditEntry, Incident, RemedyRecord
from classifiers.validation_errors import describe_first


@dataclass(frozen=True, slots=True)
class _Dump:
    """planned: of remedies that did not run yet, by incident and key. judged: of those that ran. steps: the record."""

    planned: dict[str, dict[str, Verification]]
    judged: dict[str, dict[str, Verification]]
    steps: list[dict[str, Any]]


_DUMP: TypeAdapter[_Dump] = TypeAdapter(_Dump)


class Verifications:
    """See the module. An incident's are kept until `drop`. steps: the record that its verdicts go into."""

    def __init__(self) -> None:
        self.steps = StepRecord()
        self._planned: dict[str, dict[str, Verification]] = {}
        self._judged: dict[str, dict[str, Verification]] = {}
        self._audit: list[AuditEntry] = []

    def expect(self, intent: Intent) -> None:
        """Note the terms of an intent, for when it ran."""
        planned = plan(intent)
        if planned is not None:
            self._planned.setdefault(intent.incident_id, {})[intent.key] = planned

    def record(self, incident_id: str, action: ActionRecord, now_s: float) -> None:
        """Note what came of an action: a remedy that ran is to be judged from now on, and one undone no more."""
        judged = self._judged.setdefault(incident_id, {})
        if action.undo and action.status in MAY_HAVE_RUN:
            for key, known in judged.items():
                record = known.record
                if (record.kind, record.target, record.step_id) == (action.kind, action.target, action.step_id):
                    judged[key] = undone(known, now_s)
        planned = self._planned.get(incident_id, {}).get(action.key)
        if planned is not None and action.status in MAY_HAVE_RUN:
            judged.setdefault(action.key, begin(planned, now_s))

    def judge(self, incident: Incident, signs: Signs, now_s: float) -> tuple[RemedyRecord, ...]:
        """Judge the remedies of an incident; returns how all of them stand."""
        judged = self._judged.get(incident.id, {})
        breakers = {action.key: action.breaker for action in incident.actions}
        for key, known in judged.items():
            of_it = replace(signs, breaker=breakers.get(key))
            self._set(incident, key, judge(known, of_it, now_s), now_s)
        return tuple(known.record for known in judged.values())

    def conclude(self, incident: Incident, now_s: float) -> tuple[RemedyRecord, ...]:
        """End the verifications of an incident that is over; returns how its remedies stand.

        What ran helped if the incident ended by itself, and with readings of what was hit. Remedies of another owner,
        whose verifications are not known here, stay as they were published.
        """
        judged = self._judged.get(incident.id, {})
        stage = incident.stage_times.get("recover")
        helped = incident.resolution is None and stage is not None and stage.status == "recorded"
        for key, known in judged.items():
            self._set(incident, key, conclude(known, helped, now_s), now_s)
        return tuple(known.record for known in judged.values()) or incident.remedies

    def drop(self, incident_id: str) -> None:
        """Forget an incident."""
        self._planned.pop(incident_id, None)
        self._judged.pop(incident_id, None)

    def take_audit(self) -> list[AuditEntry]:
        """The verdicts since the last call."""
        audit, self._audit = self._audit, []
        return audit

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        dumped: dict[str, Any] = _DUMP.dump_python(
            _Dump(self._planned, self._judged, self.steps.dump()), mode="json",
        )
        return dumped

    def load(self, data: object) -> None:
        """Put a dump back; raises `ValueError` when it is not one."""
        try:
            dump = _DUMP.validate_python(data)
        except ValidationError as error:
            raise ValueError(f"verifications: {describe_first(error)}") from None
        self._planned, self._judged = dict(dump.planned), dict(dump.judged)
        self.steps.load(dump.steps)

    def _set(self, incident: Incident, key: str, after: Verification, now_s: float) -> None:
        """Keep a verification, with an audit entry of a change, and the record of a verdict.

        What the end of an incident leaves open is no verdict on the step.
        """
        before = self._judged[incident.id][key]
        self._judged[incident.id][key] = after
        record = after.record
        if record.state == before.record.state:
            return
        reason = f"{record.kind} on {record.target}: {record.detail}"
        self._audit.append(AuditEntry(now_s, incident.id, "verify", before.record.state, record.state, reason))
        is_open = incident.state != "resolved"
        if record.state == "recovered" or (record.state in INEFFECTIVE and is_open):
            run = JudgedRun(incident.service, after.playbook, record.step_id, now_s, record.state == "recovered")
            self.steps.add(run)
