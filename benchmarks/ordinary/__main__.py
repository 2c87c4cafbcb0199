"""`python -m benchmarks.ordinary`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from benchmarks.broker.rig import console
from benchmarks.ordinary.draw import draw_day
from benchmarks.ordinary.kinds.catalogue import KINDS
from benchmarks.ordinary.run import live
from config import load
from streams.planning import plan_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.ordinary", description=__doc__)
    parser.add_argument("--kinds", help="some of the kinds, by parts of their names, with commas")
    parser.add_argument("--forms", help="native, prometheus_json, otlp_json")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--titles", action="store_true", help="print each incident")
    options = parser.parse_args(arguments)
    plan = plan_of(load(None, {}))
    for kind in KINDS:
        if options.kinds and not any(part in kind.name for part in options.kinds.split(",")):
            continue
        for form in kind.forms:
            if options.forms and form not in options.forms.split(","):
                continue
            began = time.perf_counter()
            day = draw_day(kind, form, options.seed)
            lived = live(plan, day, options.seed)
            pages = sum(one.peak_severity <= "P2" for one in lived.incidents)
            console.print(
                f"{kind.name:28s} {form:16s} {day.hours:6.1f} h  pages {pages:3d}  notes "
                f"{len(lived.incidents) - pages:3d}  {time.perf_counter() - began:5.1f} s", highlight=False,
            )
            if options.titles:
                for one in lived.incidents:
                    at = one.opened_at_s - day.origin_s
                    lasted = -1 if one.resolved_at_s is None else one.resolved_at_s - one.opened_at_s
                    console.print(f"    {at:7.0f} s {lasted:5.0f} s {one.peak_severity} {one.category} {one.title}",
                                  highlight=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
