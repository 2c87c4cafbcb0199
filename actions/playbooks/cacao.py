"""Playbooks as CACAO 2.0 JSON, for tools that exchange playbooks.

It follows "CACAO Security Playbooks Version 2.0", OASIS Committee Specification 01 of 27 November 2023: sections 3
(playbook), 4 (workflow steps), 5 (commands), 7 (agents and targets), 8 (extension definitions) and 10 (data types). A
ladder becomes: start, one action step that notifies people, one a step of the ladder with a manual command that names
action, target and params, and end. After a step that did not help the next one follows (`on_failure`), after one that
helped the end (`on_success`). What CACAO has no property for (approval, verification, undo, hold, prerequisites) is in
an extension of each step.

Ids are UUIDs of version 5 over the playbook's name, so that the same playbook has the same ids each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from uuid import NAMESPACE_URL, uuid5

from actions.playbooks.identity import digest
from actions.playbooks.playbook import Playbook, Step

Json = str | int | float | bool | None | Mapping[str, "Json"] | Sequence["Json"]
SPEC_VERSION = "cacao-2.0"
CREATED = "2024-01-01T00:00:00.000Z"
"""Of every export: a playbook has a version and a digest, and no date. CACAO wants one, to the millisecond."""
NAMESPACE = uuid5(NAMESPACE_URL, "urn:tocsin:playbook")
NOTIFY = "deliver-content"
ACTIVITIES: Mapping[str, str] = {
    "notify": NOTIFY, "preserve_evidence": "analyze-collected-data",
    "circuit_breaker": "disconnect-system", "litellm_block": "disconnect-system",
    "throttle": "restrict-access", "token_cap": "restrict-access", "litellm_limits": "restrict-access",
    "quarantine": "restrict-access", "traffic": "restrict-access",
    "rollback": "revert-system", "deployment_rollback": "revert-system", "argo_rollback": "revert-system",
    "kserve_rollback": "revert-system", "index_switch": "restore-data", "cache_version": "restore-data",
    "cache_invalidate": "restore-data", "scale": "restore-capabilities",
}
"""Activities of section 3.1.2 by kind of action; of others `configure-systems`."""


def to_cacao(book: Playbook) -> dict[str, Json]:
    """One playbook as a CACAO playbook object. Deterministic."""
    ids = [_id("action", book, step.id) for step in book.steps]
    start, end, agent = _id("start", book), _id("end", book), _id("group", book)
    opening = _id("action", book, "on_open")
    extension = _id("extension-definition", book)
    workflow: dict[str, Json] = {
        start: {"type": "start", "name": "Start", "on_completion": opening},
        opening: _opening(book, agent, (*ids, end)[0]),
        **{
            own: _action(step, book, agent, following, end, extension)
            for own, following, step in zip(ids, (*ids[1:], end)[:len(ids)], book.steps, strict=True)
        },
        end: {"type": "end", "name": "End"},
    }
    return {
        "type": "playbook", "spec_version": SPEC_VERSION, "id": _id("playbook", book), "name": book.name,
        "description": book.runbook or f"The playbook {book.name} of Tocsin, version {book.version}",
        "playbook_types": ["mitigation"] if book.steps else ["notification"],
        "playbook_activities": _activities(book),
        "created_by": _id("identity", book), "created": CREATED, "modified": CREATED,
        "labels": [f"version:{book.version}", f"digest:{digest(book)}", f"mode:{book.mode}"],
        "workflow_start": start, "workflow": workflow,
        "agent_definitions": {agent: {"type": "group", "name": "Tocsin, with the approval of the people on call"}},
        "extension_definitions": {extension: {
            "type": "extension-definition", "name": "Tocsin step terms",
            "description": "Approval, prerequisites, verification, undo and hold of a step",
            "created_by": _id("identity", book), "schema": "urn:tocsin:playbook:step", "version": "1.0.0",
        }},
    }


def bundle_name(book: Playbook) -> str:
    """The name of the file of an export."""
    return f"{book.name.replace('/', '-')}.cacao.json"


def _opening(book: Playbook, agent: str, following: str) -> dict[str, Json]:
    audiences = ", ".join((*book.on_open, *book.always)) or "nobody"
    return {
        "type": "action", "name": "on_open", "description": f"Tocsin notifies {audiences}.", "on_completion": following,
        "commands": [{"type": "manual", "command": f"notify {audiences}"}], "agent": agent,
    }


def _action(step: Step, book: Playbook, agent: str, following: str, end: str, extension: str) -> dict[str, Json]:
    params = ", ".join(f"{name}={value}" for name, value in step.params.items())
    command = f"{step.action} on {step.target}" + (f" with {params}" if params else "")
    found: dict[str, Json] = {
        "type": "action", "name": step.id, "description": f"Tocsin runs {command}, in mode {step.mode or book.mode}.",
        "on_success": end, "on_failure": following if step.on_failure == "next" else end,
        "commands": [{"type": "manual", "command": command}], "agent": agent,
        "step_extensions": {extension: _terms(step)},
    }
    if step.timeout_s is not None:
        found["timeout"] = round(1000.0 * step.timeout_s)
    return found


def _terms(step: Step) -> dict[str, Json]:
    terms = asdict(step)
    names = ("when", "approval", "expected_duration_s", "retries", "verify", "hold_s")
    return {**{name: terms[name] for name in names if terms[name] is not None}, "undo": step.undo_when}


def _activities(book: Playbook) -> list[Json]:
    return [*sorted({NOTIFY, *(ACTIVITIES.get(step.action, "configure-systems") for step in book.steps)})]


def _id(kind: str, book: Playbook, part: str = "") -> str:
    name = kind if kind == "identity" else f"{kind}/{book.name}/{part}"
    return f"{kind}--{uuid5(NAMESPACE, name)}"
