"""Does level 1.0 mean what the operator asked for? Asked and observed false-alarm intervals on stationary streams.

Every alarm is false here. Rows of one shape run side by side, pre-aggregated; all shapes share a suite. Alarms of a row
no more than 12 windows apart are one; the first `SETTLE` windows are warm-up and do not count. The minimum deviation
of the profile is switched off, so that calibration alone is seen. The ensemble of the default profile is run, then
each detector alone with the whole budget. A figure is right within a factor of 2 of what was asked; it is wrong only
when its whole Poisson interval (95 %) lies outside.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import chi2

from benchmarks.detection import lineup
from benchmarks.detection.events import MERGE
from benchmarks.detection.subject import Learner, SuiteSubject, sample_block
from detectors.base import BoolArray, FloatArray, IntArray
from detectors.catalogue import ON_RESIDUALS, ON_VALUES
from detectors.profiles import profile_index
from detectors.suite import SuiteParams

SETTLE = 2000
_CHUNK = 500

Draw = Callable[[np.random.Generator, int, int], FloatArray]
"""(windows, rows) independent values."""

INDEPENDENT: dict[str, Draw] = {
    "normal": lambda rng, n, rows: rng.normal(100.0, 10.0, (n, rows)),
    "lognormal .5": lambda rng, n, rows: rng.lognormal(4.0, 0.5, (n, rows)),
    "Student t3": lambda rng, n, rows: 100.0 + 10.0 * rng.standard_t(3.0, (n, rows)),
    "Poisson 5": lambda rng, n, rows: rng.poisson(5.0, (n, rows)).astype(np.float64),
    "neg. binomial": lambda rng, n, rows: rng.negative_binomial(2.0, 0.1, (n, rows)).astype(np.float64),
}
AUTOREGRESSIVE = {"AR(1) .5": 0.5, "AR(1) .8": 0.8}
SHAPES = (*INDEPENDENT, *AUTOREGRESSIVE)


def stream(rng: np.random.Generator, windows: int, rows: int) -> Iterator[FloatArray]:
    """By window, the values of all shapes side by side, `rows` of each in the order of `SHAPES`."""
    past = {name: rng.normal(0.0, 1.0, rows) for name in AUTOREGRESSIVE}
    for start in range(0, windows, _CHUNK):
        n = min(_CHUNK, windows - start)
        drawn = [draw(rng, n, rows) for draw in INDEPENDENT.values()]
        for name, phi in AUTOREGRESSIVE.items():
            noise = rng.normal(0.0, (1.0 - phi * phi) ** 0.5, (n, rows))
            for at in range(n):
                past[name] = noise[at] = phi * past[name] + noise[at]
            drawn.append(100.0 + 10.0 * noise)
        yield from np.concatenate(drawn, axis=1)


@dataclass(frozen=True, slots=True)
class Observed:
    """False alarms over so many windows of all rows."""

    alarms: int
    windows: int

    @property
    def interval(self) -> float:
        """Windows between alarms; infinite without any."""
        return self.windows / self.alarms if self.alarms else float("inf")

    def bounds(self) -> tuple[float, float]:
        """95 % Poisson interval of `interval`, shortest first."""
        most = float(chi2.ppf(0.975, 2 * self.alarms + 2)) / 2
        least = float(chi2.ppf(0.025, 2 * self.alarms)) / 2 if self.alarms else 0.0
        return self.windows / most, self.windows / least if least else float("inf")

    def verdict(self, asked: float) -> str:
        """right: within a factor of 2. wrong: surely not. unsure: too few alarms to tell."""
        low, high = self.bounds()
        if asked / 2 <= self.interval <= asked * 2:
            return "right"
        return "wrong" if high < asked / 2 or low > asked * 2 else "unsure"


def suite_params(subject: SuiteSubject, detectors: tuple[str, ...] | None, every: float) -> SuiteParams:
    """The subject's with nothing but these detectors (None: those of its profile), asked for `every` windows."""
    at = profile_index(subject.metric, subject.params.profiles)
    if at is None:
        raise ValueError(f"no profile fits {subject.metric!r}")
    chosen = subject.params.profiles[at]
    profile = replace(chosen, min_abs=0.0, min_rel=0.0, detectors=chosen.detectors if detectors is None else detectors)
    every_s = every * subject.params.window_s
    return replace(subject.params, profiles=(profile,), false_alarm_every_s=every_s)


def observe(
    subject: SuiteSubject, detectors: tuple[str, ...] | None, every: float, rows: int, windows: int, seed: int,
) -> dict[str, Observed]:
    """By shape, the alarms of the suite with these detectors, past warm-up."""
    params = suite_params(subject, detectors, every)
    total = rows * len(SHAPES)
    suite = params.build(total)
    all_rows: IntArray = np.arange(total)
    suite.assign(all_rows, 0)
    learner = Learner(suite, total, subject.relearn_after)
    last: IntArray = np.full(total, -MERGE - 1, dtype=np.intp)
    alarms = np.zeros(total)
    for at, value in enumerate(stream(np.random.default_rng(seed), windows, rows)):
        start_s = np.full(total, at * params.window_s)
        level = learner.step(sample_block(all_rows, start_s, start_s + params.window_s, value))
        alarming: BoolArray = level >= 1.0
        if at >= SETTLE:
            alarms += alarming & (at - last > MERGE)
        last[alarming] = at
    by_shape = alarms.reshape(len(SHAPES), rows).sum(axis=1)
    counted = rows * (windows - SETTLE)
    return {name: Observed(int(count), counted) for name, count in zip(SHAPES, by_shape, strict=True)}


def line_up(only: str) -> dict[str, tuple[str, ...] | None]:
    """Each learned detector of the catalogue alone, and the ensemble."""
    alone = [name for name in (*ON_VALUES, *ON_RESIDUALS) if name != "static_limits"]
    found: dict[str, tuple[str, ...] | None] = {"ensemble": None, **{name: (name,) for name in alone}}
    return {name: value for name, value in found.items() if only in name}


def main() -> int:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--every", type=float, nargs="+", default=[2_000.0, 100_000.0], help="asked intervals, windows")
    made.add_argument("--expect", type=float, default=40.0, help="false alarms to expect by shape, more are more exact")
    made.add_argument("--windows", type=int, default=12_000, help=f"per row, of which {SETTLE} are warm-up")
    made.add_argument("--only", default="", help="detectors whose name contains this")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--suite", default=lineup.DEFAULT_SUITE, help="module:function that makes the SuiteSubject")
    options = made.parse_args()
    subject = lineup.suite(options.suite)
    wrong = 0
    for every in options.every:
        rows = max(8, round(options.expect * every / (options.windows - SETTLE)))
        print(f"asked: one in {every:,.0f} windows; {rows} rows a shape, {options.windows} windows; observed (95 %)")
        for name, detectors in line_up(options.only).items():
            for shape, seen in observe(subject, detectors, every, rows, options.windows, options.seed).items():
                low, high = seen.bounds()
                verdict = seen.verdict(every)
                wrong += verdict == "wrong"
                print(f"  {name:16s} {shape:14s} {seen.interval:12,.0f} ({low:,.0f} .. {high:,.0f})"
                      f"  x{seen.interval / every:5.2f}  {verdict}", flush=True)
    print(f"wrong: {wrong}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
