"""The order of a timeline: by time, and never an effect before its cause. Pure.

Each record has the clock of who wrote it: the shard's is event time, and the executor and the role respond have their
own. Where these differ, an approval may be dated after the action that it led to. So what is known to follow from
another step of the same action is put behind it, with its own time. Steps of different actions go by time alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from math import inf
from typing import get_args

from actions.model import Status
from streams.timeline.entries import OPENED, Entry
from streams.timeline.words import plain

FIRST = ("onset", "alarm", "opened", *OPENED)
"""What comes before other steps of the same instant."""
ASKED = frozenset({"requested", "suggested"})
ANSWERED = frozenset({"approved", "break_glass", "rejected", "withdrawn", "void"})
DONE = frozenset(get_args(Status)) - ASKED - ANSWERED
STAGES = 9
"""An action is decided, asked for, approved by one and by enough people, decided anew as approved, started, done; then
it is in force and judged."""


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """The entries, oldest first; of equal ones in the order in which they came."""
    found = list(entries)
    ran = [one for one in found if one.event == "executed" and one.kind == "action"]
    done = sorted(ran, key=lambda one: one.at_s)
    stages = [_stage(one) for one in found]
    begun: defaultdict[str, list[float]] = defaultdict(lambda: [inf] * STAGES)
    names = [_judged(one, done) if one.event == "verify" else one.subject for one in found]
    for one, stage, name in zip(found, stages, names, strict=True):
        if stage is not None:
            begun[name][stage] = min(begun[name][stage], one.at_s)

    def key(number: int) -> tuple[float, int, int]:
        one, stage = found[number], stages[number]
        place = FIRST.index(one.event) if one.event in FIRST else len(FIRST)
        causes_s = [] if stage is None else [at_s for at_s in begun[names[number]][:stage] if at_s < inf]
        return max([one.at_s, *causes_s]), place, 0 if stage is None else stage

    return [found[number] for number in sorted(range(len(found)), key=key)]


def _stage(one: Entry) -> int | None:
    """How far an action is; None for what is no step of one."""
    if one.event == "decided":
        return 4 if one.is_approved else 0
    if one.event == "verify":
        return 8
    if one.event.startswith("remedy_"):
        return 7
    for number, events in ((1, ASKED), (2, ("approval",)), (3, ANSWERED), (5, ("claimed",)), (6, DONE)):
        if one.event in events:
            return number
    return None


def _judged(verdict: Entry, done: Iterable[Entry]) -> str:
    """The decision that a verdict is about; the incident where none is known. A verdict names its action alone, so of
    several attempts the last one before it counts, else the first one. done: what ran, by time.
    """
    text = plain(verdict.what).replace(" on ", " ", 1)
    fitting = [one for one in done if text.startswith(f"{one.what}:")]
    before = [one for one in fitting if one.at_s <= verdict.at_s]
    found = before[-1] if before else next(iter(fitting), verdict)
    return found.subject
