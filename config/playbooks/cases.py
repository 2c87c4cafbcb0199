"""Cases of playbooks: an incident and what was done so far, and the steps that are due then.

A file of cases stands beside its playbook and ends in `.cases.yaml`:

    cases:
      - name: a new version is worse
        incident: {category: model_degradation, severity: P1, version: v2}
        facts: {version_age: 10m}
        history: [{step: contain, status: executed, ago: 3m, remedy: not_recovered}]
        expect: [{step: back, target: chat/gpt, mode: suggest}]
        skipped: [isolate]

`expect` names the steps that are due in their order, notices among them (`on_open`, `on_failure/STEP`), each with what
of its intent is to be compared. `skipped` names the steps that cannot be taken, where it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from actions.limits import LimitParams
from actions.model import Fleet, Intent
from actions.playbooks.identity import key
from actions.playbooks.ladder import rungs, scope_of
from actions.playbooks.playbook import Playbook, render
from actions.playbooks.policy import decide, playbook_of
from classifiers.model import ActionRecord, Category, Incident, RemedyRecord, RemedyState, Severity, State
from classifiers.validation_errors import expected as expected_words
from classifiers.validation_errors import shown
from config.errors import Problem
from config.fields import Duration, Strict
from config.source import Node, Path, dotted

NOW_S = 1_000_000.0


class CaseIncident(Strict):
    """The incident of a case."""

    category: Category
    severity: Severity = "P1"
    state: State = "open"
    service: str = "chat"
    model: str | None = "gpt"
    version: str | None = None
    replica: str | None = None
    tenant: str | None = None


class CaseFacts(Strict):
    """What the shard knows beside it; what is not given is unknown."""

    concentration: float | None = None
    version_age_s: Duration | None = None
    replicas: int | None = None
    healthy: int | None = None
    in_force: tuple[str, ...] = ()
    records: Mapping[str, tuple[int, int]] = Field(default_factory=dict)
    ineffective: int = 0

    def fleet(self) -> Fleet:
        """The replicas of the service."""
        return Fleet(self.replicas, self.healthy)


class CaseAction(Strict):
    """A step that was taken. ago: since it was done. remedy: what became of it, as the detectors see it."""

    step: str
    status: str = "executed"
    ago_s: Duration = 60.0
    attempt: int = 1
    mode: Literal["observe", "suggest", "auto"] = "auto"
    remedy: RemedyState | None = None


class CaseIntent(Strict):
    """A step that is due. What is None is not compared."""

    step: str
    action: str | None = None
    target: str | None = None
    mode: Literal["observe", "suggest", "auto"] | None = None
    attempt: int | None = None
    undo: bool = False


class Case(Strict):
    """One case; see the module."""

    name: Annotated[str, Field(min_length=1)]
    incident: CaseIncident
    facts: CaseFacts = CaseFacts()
    history: tuple[CaseAction, ...] = ()
    playbook: str | None = None
    expect: tuple[CaseIntent, ...]
    skipped: tuple[str, ...] | None = None


class CaseFile(Strict):
    """The cases of one file."""

    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class _Facts:
    """The facts of a case, as the policy asks for them."""

    given: CaseFacts

    def fleet(self) -> Fleet:
        return self.given.fleet()

    def concentration(self) -> float | None:
        return self.given.concentration

    def version_age_s(self) -> float | None:
        return self.given.version_age_s

    def in_force(self) -> frozenset[str]:
        return frozenset(self.given.in_force)

    def record(self, playbook: str, step_id: str) -> tuple[int, int]:  # noqa: ARG002 - the protocol's signature
        return self.given.records.get(step_id, (0, 0))

    def ineffective(self, playbook: str, step_id: str, since_s: float) -> int:  # noqa: ARG002 - likewise
        return self.given.ineffective


def read_cases(tree: Node, problems: list[Problem]) -> CaseFile | None:
    """The cases of a file; None where it is wrong, with its faults appended to `problems`."""
    try:
        return CaseFile.model_validate(tree.plain())
    except ValidationError as error:
        for details in error.errors(include_url=False):
            place = tuple(details["loc"])
            node = tree.at(place)
            problems.append(Problem(
                node.file, node.line, dotted(place), shown(details["input"]), expected_words(details, ""),
            ))
        return None


def failures(tree: Node, file: CaseFile, playbooks: Sequence[Playbook]) -> Iterator[Problem]:
    """What comes out otherwise than a case expects, with file, line and the name of the case."""
    for number, case in enumerate(file.cases):
        for place, value, expected in _differences(case, playbooks):
            path: Path = ("cases", number, *place)
            node = tree.at(path)
            yield Problem(node.file, node.line, f"case {case.name!r}", value, expected)


def _differences(case: Case, playbooks: Sequence[Playbook]) -> Iterator[tuple[Path, str, str]]:
    incident, facts = _incident(case, playbooks), _Facts(case.facts)
    book = playbook_of(incident, playbooks)
    if case.playbook is not None and book.name != case.playbook:
        yield ("playbook",), f"the playbook {book.name!r}", repr(case.playbook)
        return
    due = decide(incident, playbooks, LimitParams(), NOW_S, facts)
    found, wanted = [_shown(one) for one in due], [one.step for one in case.expect]
    if [one.step_id for one in due] != wanted:
        yield ("expect",), f"[{', '.join(found)}]", f"[{', '.join(wanted)}]"
        return
    for number, (intent, want) in enumerate(zip(due, case.expect, strict=True)):
        for name, of in _COMPARED.items():
            expected, value = getattr(want, name), of(intent)
            if expected is not None and expected != value:
                yield ("expect", number, name), f"{name} {value!r}", repr(expected)
    if case.skipped is not None:
        standing = rungs(incident, book, {item.key: item for item in incident.actions}, facts, NOW_S)
        skipped = sorted(rung.step.id for rung in standing if rung.skipped is not None)
        if skipped != sorted(case.skipped):
            yield ("skipped",), f"[{', '.join(skipped)}]", f"[{', '.join(sorted(case.skipped))}]"


_COMPARED: Mapping[str, Callable[[Intent], Any]] = {
    "action": lambda intent: intent.kind, "target": lambda intent: intent.target, "mode": lambda intent: intent.mode,
    "attempt": lambda intent: intent.attempt, "undo": lambda intent: intent.undo,
}


def _shown(intent: Intent) -> str:
    return f"{intent.step_id} ({intent.kind} on {intent.target}, {intent.mode})"


def _incident(case: Case, playbooks: Sequence[Playbook]) -> Incident:
    """The incident of a case, with its history as actions and remedies."""
    given = case.incident
    bare = Incident(
        "case", given.state, NOW_S - 600.0, NOW_S - 600.0, NOW_S if given.state == "resolved" else None, given.category,
        given.severity, given.severity, given.service, given.model, given.version, given.replica, given.tenant,
        case.name, opened_severity=given.severity,
    )
    book = playbook_of(bare, playbooks)
    actions, remedies = [], []
    for past in case.history:
        action = _action(past, bare, book)
        actions.append(action)
        if past.remedy is not None:
            remedies.append(RemedyRecord(
                action.key, past.step, action.kind, action.target, past.remedy, NOW_S - past.ago_s, "as the case says",
            ))
    return replace(bare, actions=tuple(actions), remedies=tuple(remedies))


def _action(past: CaseAction, incident: Incident, book: Playbook) -> ActionRecord:
    """A step that was taken; a name that no step has is a notice."""
    step = next((one for one in book.steps if one.id == past.step), None)
    kind = "notify" if step is None else step.action
    target = incident.service if step is None else render(step.target, scope_of(incident)) or incident.service
    done_s = NOW_S - past.ago_s
    return ActionRecord(
        key(incident.id, kind, target, past.step, False, past.attempt), kind, target, past.mode, past.status, done_s,
        None if past.status == "pending" else done_s, past.step, past.attempt, False, book.name,
        None if step is None else step.undo_when,
    )
