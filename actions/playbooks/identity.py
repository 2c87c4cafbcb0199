"""What names a decision and the terms that it was made by."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace

from actions.playbooks.playbook import Playbook


def key(incident_id: str, kind: str, target: str, step_id: str, undo: bool, attempt: int = 1) -> str:
    """The idempotency key: 24 hexadecimal digits of a SHA-256 over the six parts.

    >>> key("i1", "rollback", "chat", "back", False) == key("i1", "rollback", "chat", "back", False)
    True
    >>> key("i1", "rollback", "chat", "back", False) == key("i1", "rollback", "chat", "back", False, 2)
    False
    """
    parts = (incident_id, kind, target, step_id, "undo" if undo else "do", str(attempt))
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()[:24]


def digest(playbook: Playbook) -> str:
    """SHA-256 of a playbook's terms, in hexadecimal. The runbook is no term: correcting a text withdraws no approval.
    """
    terms = asdict(replace(playbook, runbook="", layers=(), left_out=()))
    return hashlib.sha256(json.dumps(terms, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
