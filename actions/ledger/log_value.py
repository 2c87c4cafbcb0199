"""The values on the log of the ledger, for who only reads it: what is in force, and the storm brake."""

from __future__ import annotations

import orjson

from actions.ledger.records import LedgerRecord
from actions.ledger.remedy import REMEDY_EVENT, Remedy
from actions.ledger.view import LedgerView

STORM_EVENTS = ("storm_tripped", "storm_reset")


def read_value(value: bytes) -> Remedy | LedgerRecord:
    """One record of the log; raises `ValueError`."""
    found = orjson.loads(value)
    if isinstance(found, dict) and found.get("event") == REMEDY_EVENT:
        return Remedy.from_json(found)
    return LedgerRecord.from_json(found)


def follow_in_force(view: LedgerView, value: bytes) -> None:
    """Apply a record to a view if it is about a remedy or the storm brake; claims and outcomes would fill the memory.

    Raises `ValueError`.
    """
    record = read_value(value)
    if isinstance(record, Remedy):
        view.apply_remedy(record)
    elif record.event in STORM_EVENTS:
        view.apply(record)
