"""Accuracy: recordings of faults through the shipped configuration, against what was injected.

`python -m benchmarks.accuracy [--recordings DIR ...] [--smoke] [--json FILE]`. Each recording is replayed as it is and
with all its times moved by fractions of a window, so that no figure depends on where windows happen to be cut. Events
found, category, severity and scope are counted as `streams/demo/scoring.py` says. Deterministic.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import orjson
from rich.table import Table

from benchmarks.broker.rig import ROOT, console
from config import load
from streams.demo.scoring import GroundTruth, Score, read_truth, score
from streams.planning import plan_of
from streams.replay.recordings import RecordedRequest, read_recording
from streams.replay.replay import replay
from streams.shard.plan import Plan

RECORDINGS = (
    ROOT / "streams" / "demo" / "recording" / "serving-h100-1", ROOT / "tests" / "recordings" / "serving-h100-2",
)
PHASES = 7
BAR_FALSE, BAR_DELAY_S, BAR_DUPLICATES = 0.5, 3.8, 0.3
"""A replica that falls silent is reported a second later than others, since it may have left: see
docs/decisions/0015-shares-of-traffic.md."""
BAR_CATEGORY, BAR_SEVERITY, BAR_SCOPE = 0.8, 0.8, 0.9
"""Of what was found; everything must be found."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over one or several replays. duplicates: incidents beyond the first of an event. delay_s: None where nothing
    was found."""

    name: str
    events: int
    found: int
    false_per_10min: float
    duplicates: int
    delays_s: Sequence[float]
    category_right: int
    severity_right: int
    scope_right: int
    missed: Sequence[str]

    @property
    def delay_s(self) -> float | None:
        return median(self.delays_s) if self.delays_s else None

    @property
    def passes(self) -> bool:
        right = all(number >= bar * self.found for number, bar in (
            (self.category_right, BAR_CATEGORY), (self.severity_right, BAR_SEVERITY), (self.scope_right, BAR_SCOPE),
        ))
        early = self.delay_s is not None and self.delay_s <= BAR_DELAY_S
        few = self.false_per_10min <= BAR_FALSE and self.duplicates <= BAR_DUPLICATES * self.events
        return self.found == self.events and early and few and right


def shifted(records: Sequence[RecordedRequest], shift_s: float) -> list[tuple[int, bytes]]:
    """The records as a topic would carry them, all moved by the same time."""
    values = []
    for offset, record in enumerate(records):
        moved = record.copy()
        moved["ts"] += shift_s
        values.append((offset, orjson.dumps(moved)))
    return values


def figures_of(name: str, truth: GroundTruth, scores: Sequence[Score]) -> Figures:
    """The figures of several replays of one recording together."""
    findings = [finding for one in scores for finding in one.findings]
    false = sum(len(one.false_incidents) for one in scores)
    return Figures(
        name, len(findings), sum(finding.first is not None for finding in findings),
        600.0 * false / (truth.duration_s * len(scores)),
        sum(len(finding.incidents) - 1 for finding in findings if finding.incidents),
        [finding.delay_s for finding in findings if finding.delay_s is not None],
        sum(finding.category_right for finding in findings), sum(finding.severity_right for finding in findings),
        sum(finding.scope_right for finding in findings),
        [finding.fault.kind for finding in findings if finding.first is None],
    )


def judge(folder: Path, plan: Plan, phases: int) -> list[Figures]:
    """The figures of each phase, and those of all phases together."""
    truth, records = read_truth(folder), list(read_recording(folder))
    scores = []
    for phase in range(phases):
        shift_s = plan.windows.size_s * phase / phases
        incidents = replay(plan, shifted(records, shift_s)).incidents.values()
        scores.append(score(truth, incidents, truth.start_epoch_s + shift_s))
    each = [
        figures_of(f"{truth.recording} + {phase}/{phases} window", truth, [one]) for phase, one in enumerate(scores)
    ]
    return [*each, figures_of(f"{truth.recording}, all phases", truth, scores)]


def table_of(lines: Sequence[Figures]) -> Table:
    """The figures, one line per replay."""
    table = Table(title="what was found of what was injected", title_justify="left")
    columns = "recording", "found", "false/10 min", "duplicates", "delay s", "category", "severity", "scope", "missed"
    for name in columns:
        left = name in ("recording", "missed")
        table.add_column(name, justify="left" if left else "right", no_wrap=name == "recording")
    for line in lines:
        share = [f"{number / line.found:.2f}" if line.found else "-" for number in (
            line.category_right, line.severity_right, line.scope_right,
        )]
        delay = "-" if line.delay_s is None else f"{line.delay_s:.2f}"
        kinds = ", ".join(f"{kind} x{line.missed.count(kind)}" for kind in sorted(set(line.missed)))
        found, false = f"{line.found}/{line.events}", f"{line.false_per_10min:.2f}"
        table.add_row(line.name, found, false, str(line.duplicates), delay, *share, kinds)
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return 1 where a recording, over all its phases, misses a bar."""
    parser = argparse.ArgumentParser(prog="benchmarks.accuracy", description=__doc__)
    parser.add_argument("--recordings", nargs="+", type=Path, default=RECORDINGS, help="folders with truth.json")
    parser.add_argument("--config", type=Path, help="YAML laid over the shipped default")
    parser.add_argument("--smoke", action="store_true", help="one phase only")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    plan = plan_of(load(options.config, {}))
    judged = [judge(folder, plan, 1 if options.smoke else PHASES) for folder in options.recordings]
    lines = [line for one in judged for line in (one[-1:] if options.smoke else one)]
    console.print(table_of(lines))
    console.print(
        f"bars, over all phases: everything found, {BAR_FALSE:g} false per 10 min, {BAR_DUPLICATES:g} duplicates per "
        f"event, {BAR_DELAY_S:g} s; of what was found category {BAR_CATEGORY:.0%}, severity {BAR_SEVERITY:.0%}, "
        f"scope {BAR_SCOPE:.0%} right"
    )
    if options.json is not None:
        figures = [{**asdict(line), "delay_s": line.delay_s} for line in lines]
        options.json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    missed = [one[-1].name for one in judged if not one[-1].passes]
    if missed:
        console.print(f"[bold red]misses a bar[/]: {'; '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
