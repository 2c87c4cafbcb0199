"""Ordinary days: false pages and notes on healthy ones, recall and delay of faults in their midst, beside rules.

`python -m benchmarks.ordinary [--kinds NAMES] [--seed N] [--hours H] [--published] [--publish] [--jobs N] [--smoke]
[--keep FOLDER]`.
Each kind of day is simulated and replayed as native records and as scrapes; see `benchmarks/ordinary/kinds`.
Development seeds are even, published seeds odd; nothing may be tuned on the latter. Deterministic.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import orjson

from benchmarks.broker.rig import console
from benchmarks.ordinary.draw import Cell, Selection, cells
from benchmarks.ordinary.figures import Rates, Recall, overall
from benchmarks.ordinary.judge import Judged, judge
from benchmarks.ordinary.kept import Kept, code_digest
from benchmarks.ordinary.kinds.catalogue import KINDS
from benchmarks.ordinary.page import PAGE, page, tables
from config import load
from streams.planning import plan_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; 1 where a healthy day paged."""
    options = _options(arguments)
    selection = Selection(
        tuple(filter(None, options.kinds.split(";"))), tuple(filter(None, options.forms.split(","))), options.seed,
        options.published, options.hours, not options.healthy, options.size,
    )
    chosen = cells(selection)
    if not chosen:
        console.print(f"no kind among: {', '.join(kind.name for kind in KINDS)}")
        return 2
    judged: list[Judged] = []
    kept = None if options.keep is None else Kept(options.keep, code_digest())
    for cell, (one, took_s) in zip(chosen, _run(chosen, options.jobs, kept), strict=True):
        judged.append(one)
        paged = f"{sum(found.page for found in one.found)}/{len(one.found)} faults paged, " if one.found else ""
        _say(f"{cell.kind.name:28s} {cell.form:16s} seed {cell.seed:<5d} {one.healthy.hours:6.1f} h: "
             f"{one.healthy.pages} pages, {one.healthy.notes} notes; {paged}{took_s:.0f} s")
        if options.titles:
            _say("\n".join(one.lines))
    days = [one.healthy for one in judged]
    found = [fault for one in judged for fault in one.found]
    for table in tables(days, found):
        console.print(table)
    if options.publish:
        kinds = list(dict.fromkeys(cell.kind for cell in chosen))
        PAGE.write_text(page(days, found, kinds, sorted({cell.seed for cell in chosen})), encoding="utf-8")
    rates = Rates.of(days)
    if options.json is not None:
        options.json.write_bytes(orjson.dumps(overall(rates, Recall.of(found)), option=orjson.OPT_INDENT_2))
    return int(rates.pages > 0 and options.size != "smoke")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.ordinary", description=__doc__)
    parser.add_argument("--kinds", default="", help="some of the kinds, by parts of their names, with semicolons")
    parser.add_argument("--forms", default="", help="native, otlp_json, prometheus_json, with commas")
    parser.add_argument("--seed", type=int, help="one seed; 0 for development, 1001 for published by default")
    parser.add_argument("--hours", type=float, default=0.0, help="more seeds until so many service-hours are reached")
    parser.add_argument("--published", action="store_true", help="published seeds, which are odd")
    parser.add_argument("--publish", action="store_true", help="write the page in docs/")
    parser.add_argument("--healthy", action="store_true", help="no days with faults")
    parser.add_argument("--short", dest="size", action="store_const", const="short", default="full",
                        help="three services for 50 minutes, and no kind that is long")
    parser.add_argument("--smoke", dest="size", action="store_const", const="smoke", help="two kinds of short days")
    parser.add_argument("--titles", action="store_true", help="print each incident and each fault")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep each result here, and go on where a run of the same code ended")
    parser.add_argument("--json", type=Path, help="write the figures over all kinds here")
    return parser.parse_args(arguments)


def _run(chosen: Sequence[Cell], jobs: int, kept: Kept | None) -> Iterator[tuple[Judged, float]]:
    judged = partial(_timed, kept)
    if jobs == 1:
        yield from map(judged, chosen)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(judged, chosen)


def _timed(kept: Kept | None, cell: Cell) -> tuple[Judged, float]:
    began_s = time.process_time()
    judged = _judged(cell) if kept is None else kept.judged(cell, _judged)
    return judged, time.process_time() - began_s


def _judged(cell: Cell) -> Judged:
    return judge(plan_of(load(None, {})), cell)


def _say(text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True, markup=False)


if __name__ == "__main__":
    sys.exit(main())
