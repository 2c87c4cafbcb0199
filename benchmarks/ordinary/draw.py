"""Days from seeds. Development seeds are even, published seeds are odd; nothing may be tuned on the latter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal
from zlib import crc32

import numpy as np

from benchmarks.ordinary.generator.day import Day, Format
from benchmarks.ordinary.kinds.base import Draw, Kind
from benchmarks.ordinary.kinds.catalogue import KINDS

FIRST_PUBLISHED = 1001
MOST_SEEDS = 40
SMOKE = ("rolling deploy, new version", "failures, few requests")
SHORT_H, SMOKE_H, SHORTER, LONG_H = 0.8, 0.6, 0.3, 12.0
Size = Literal["full", "short", "smoke"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A kind of day in one format, from one seed. faulty: whether the day with faults is run too."""

    kind: Kind
    form: Format
    seed: int
    faulty: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """Which days are run. kinds: parts of names; forms: formats; empty for all. hours: service-hours at least.

    size: short has three services for some 50 minutes, without the kinds that take long; smoke has two kinds alone.
    """

    kinds: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    seed: int | None = None
    published: bool = False
    hours: float = 0.0
    faulty: bool = True
    size: Size = "full"


def draw_day(cell: Cell) -> Day:
    """The healthy day of a cell."""
    kind = cell.kind
    rng = np.random.default_rng([13, cell.seed, crc32(f"{kind.name}/{cell.form}".encode())])
    return kind.make(Draw(kind.name, cell.form, rng, kind.services, kind.hours))


def cells(selection: Selection) -> list[Cell]:
    """What is run, one seed of all kinds after the other. Each kind has faults in one of its formats, by turns."""
    first = FIRST_PUBLISHED if selection.published else 0
    seeds = [first + 2 * number for number in range(MOST_SEEDS)] if selection.seed is None else [selection.seed]
    found: list[Cell] = []
    hours = 0.0
    for turn, seed in enumerate(seeds):
        for number, kind in enumerate(_kinds(selection)):
            forms = [form for form in kind.forms if not selection.forms or form in selection.forms]
            for place, form in enumerate(forms):
                faulty = selection.faulty and (number + turn + place) % len(forms) == 0
                found.append(Cell(kind, form, seed, faulty))
                hours += kind.hours * kind.services
        if hours >= selection.hours:
            break
    return found


def _kinds(selection: Selection) -> list[Kind]:
    names = SMOKE if selection.size == "smoke" else selection.kinds
    chosen = [kind for kind in KINDS if not names or any(part.strip() in kind.name for part in names)]
    if selection.size == "full":
        return chosen
    least_h, services = (SHORT_H, 3) if selection.size == "short" else (SMOKE_H, 2)
    return [
        replace(kind, hours=max(least_h, SHORTER * kind.hours), services=min(kind.services, services),
                forms=kind.forms if selection.size == "short" else ("native",))
        for kind in chosen if kind.hours < LONG_H
    ]
