"""Action items of reviews: lines of the part `items`, each with an owner and a due date. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Literal

ItemState = Literal["done", "dropped", "open", "overdue"]
_MARKED = re.compile(r"\s{0,3}[-*] \[(?P<mark>[ xX])\] (?P<rest>.*)")


@dataclass(frozen=True, slots=True)
class Item:
    """What is to be done after an incident. id: of the incident and the text. owner, due: None where none is named.

    is_dropped: whether a person recorded that it will not be done; a file cannot say so.
    """

    id: str
    incident_id: str
    text: str
    is_done: bool
    owner: str | None
    due: date | None
    is_dropped: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self.is_done or self.is_dropped

    def state(self, today: date) -> ItemState:
        """How it stands on a day. One without a due date is never overdue."""
        if self.is_over:
            return "done" if self.is_done else "dropped"
        return "overdue" if self.due is not None and self.due < today else "open"


@dataclass(frozen=True, slots=True)
class ItemFault:
    """A line that is an item but for something. line: of the part, from 1."""

    line: int
    value: str
    expected: str


def items_of(incident_id: str, part: str) -> tuple[list[Item], list[ItemFault]]:
    """The items in a part, and what is wrong: a date that is none, no owner, no due date."""
    found: list[Item] = []
    faults: list[ItemFault] = []
    for number, line in enumerate(part.splitlines(), start=1):
        match = _MARKED.fullmatch(line.rstrip())
        text, written = ("", "") if match is None else _split(match["rest"])
        if match is None or not text:
            continue
        terms = dict(_terms(written))
        due, wrong = _date(terms.get("due"))
        if wrong is not None or "owner" not in terms or "due" not in terms:
            missing = wrong or ("no owner" if "owner" not in terms else "no due date")
            faults.append(ItemFault(number, missing, "(owner: NAME, due: 2026-12-01) at the end of the line"))
        name = sha256(f"{incident_id}\n{text}".encode()).hexdigest()[:10]
        found.append(Item(f"item-{name}", incident_id, text, match["mark"] != " ", terms.get("owner"), due))
    return found, faults


def _split(rest: str) -> tuple[str, str]:
    """The text of an item, and what stands in parentheses at its end, where that names something."""
    text, _, terms = rest.removesuffix(")").rpartition(" (")
    is_terms = rest.endswith(")") and text.strip() and ":" in terms and "(" not in terms and ")" not in terms
    return (text.strip(), terms) if is_terms else (rest.strip(), "")


def _terms(text: str) -> Iterable[tuple[str, str]]:
    for one in text.split(","):
        name, colon, value = one.partition(":")
        if colon and value.strip():
            yield name.strip().lower(), value.strip()


def _date(text: str | None) -> tuple[date | None, str | None]:
    if text is None:
        return None, None
    try:
        return date.fromisoformat(text), None
    except ValueError:
        return None, f"the date {text!r}"
