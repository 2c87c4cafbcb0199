"""The recordings of this repository through the shipped configuration: what was found of what was injected.

Each recording is replayed as it is and with all its times moved by fractions of a window, for where windows happen to
be cut is luck; the figures are over all replays. Deterministic.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

import orjson

from config import load
from streams.demo.scoring import Score, read_truth, score
from streams.plan import Plan, plan_of
from streams.recordings import NativeRecord, read_recording
from streams.replay import replay

_ROOT = Path(__file__).parents[2]
RECORDINGS = (
    _ROOT / "streams" / "demo" / "recording" / "serving-h100-1", _ROOT / "tests" / "recordings" / "serving-h100-2",
)
PHASES = 4
MEASURES = ("found", "false per 10 min", "delay s", "scope")


def figures(folder: Path, plan: Plan, phases: int = PHASES) -> dict[str, float]:
    """Share of the events found, false incidents in 10 minutes, median delay, share of the found with the right scope.

    Delay and scope are NaN where nothing was found.
    """
    truth, records = read_truth(folder), list(read_recording(folder))
    scores: list[Score] = []
    for phase in range(phases):
        shift_s = plan.windows.size_s * phase / phases
        incidents = replay(plan, _shifted(records, shift_s)).incidents.values()
        scores.append(score(truth, incidents, truth.start_epoch_s + shift_s))
    findings = [finding for one in scores for finding in one.findings]
    found = [finding for finding in findings if finding.first is not None]
    false = sum(len(one.false) for one in scores)
    delays_s = [finding.delay_s for finding in found if finding.delay_s is not None]
    values = (
        len(found) / len(findings), 600.0 * false / (truth.duration_s * phases),
        median(delays_s) if delays_s else float("nan"),
        sum(finding.scope_right for finding in found) / len(found) if found else float("nan"),
    )
    return dict(zip(MEASURES, values, strict=True))


def _shifted(records: list[NativeRecord], shift_s: float) -> list[tuple[int, bytes]]:
    lines = []
    for number, record in enumerate(records):
        moved = record.copy()
        moved["ts"] += shift_s
        lines.append((number, orjson.dumps(moved)))
    return lines


def main() -> int:
    plan = plan_of(load(None, {}))
    print(f"{'recording':18s}" + "".join(f"{name:>18s}" for name in MEASURES))
    for folder in RECORDINGS:
        print(f"{folder.name:18s}" + "".join(f"{value:18.2f}" for value in figures(folder, plan).values()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
