"""The rules a sample must keep, and the words for how one breaks them.

Whether a sample is accepted is decided by the codec's typed decoder and its column checks. `explain` only finds the
words afterwards, for the few that were rejected, so it may be slow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from streams.intake.columns import Labels
from streams.intake.dead_letters import Reason

METRIC_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,127}")
MILLISECONDS_FROM = 1e11
"""A timestamp this large would be the year 5138 in seconds; as milliseconds it is 1973."""
SHOWN = 60


@dataclass(frozen=True, slots=True)
class Rules:
    """What a sample may be. max_age_s: None accepts any past. max_bytes: of one Kafka record's value."""

    max_future_s: float = 300.0
    max_age_s: float | None = None
    max_label_length: int = 128
    max_metrics: int = 64
    max_bytes: int = 1_000_000


class Fault(NamedTuple):
    """Why something was rejected: a code from a closed set, and a sentence with place, value and expectation."""

    reason: Reason
    detail: str


def shortened(value: object) -> str:
    """The value as text, at most `SHOWN` characters of it."""
    text = repr(value[: 2 * SHOWN]) if isinstance(value, str | bytes) else repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def label_fault(labels: Labels, rules: Rules) -> Fault | None:
    """What is wrong with labels of the right types."""
    if not labels.service:
        return Fault("missing_service", "service: '', expected a name")
    for name, value in zip(Labels._fields, labels, strict=True):
        if value is None:
            continue
        if len(value) > rules.max_label_length:
            found = f"{shortened(value)} has {len(value)} characters"
            return Fault("label_too_long", f"{name}: {found}, expected at most {rules.max_label_length}")
        if not value.isprintable():
            return Fault("label_unprintable", f"{name}: {shortened(value)}, expected printable characters")
    return None


def names_fault(names: tuple[str, ...], rules: Rules) -> Fault | None:
    """What is wrong with the set of metric names of one sample."""
    if not names:
        return Fault("no_metrics", "metrics: {}, expected at least one")
    if len(names) > rules.max_metrics:
        return Fault("too_many_metrics", f"metrics: {len(names)}, expected at most {rules.max_metrics}")
    for name in names:
        if METRIC_NAME.fullmatch(name) is None:
            expected = "a letter or _, then letters, digits and _.:/-, at most 128 in all"
            return Fault("metric_name", f"metrics: name {shortened(name)}, expected {expected}")
    return None


def ts_bounds(rules: Rules, now_s: float) -> tuple[float, float]:
    """The lowest and the highest timestamp to accept; below `MILLISECONDS_FROM` whatever the clock says."""
    lowest = 0.0 if rules.max_age_s is None else max(0.0, now_s - rules.max_age_s)
    return lowest, min(now_s + rules.max_future_s, MILLISECONDS_FROM)


def ts_fault(ts_s: float, rules: Rules, now_s: float) -> Fault | None:
    """What is wrong with a timestamp that is a number."""
    lowest, highest = ts_bounds(rules, now_s)
    if ts_s < 0.0:
        return Fault("ts_negative", f"ts: {ts_s!r}, expected seconds since the epoch")
    if ts_s > MILLISECONDS_FROM:
        unit = "milli" if ts_s < 1e14 else "micro" if ts_s < 1e17 else "nano"
        return Fault("ts_wrong_unit", f"ts: {ts_s!r} looks like {unit}seconds, expected seconds since the epoch")
    if ts_s > highest:
        expected = f"at most {rules.max_future_s:g} s ahead"
        return Fault("ts_far_future", f"ts: {ts_s!r} is {ts_s - now_s:.1f} s in the future, expected {expected}")
    if ts_s < lowest:
        expected = f"at most {rules.max_age_s:g} s"
        return Fault("ts_too_old", f"ts: {ts_s!r} is {now_s - ts_s:.1f} s old, expected {expected}")
    return None


def explain(document: object, rules: Rules, now_s: float) -> Fault | None:
    """What is wrong with one sample as plain JSON; None when these words find nothing wrong."""
    if not isinstance(document, dict):
        return Fault("not_object", f"value: {shortened(document)}, expected an object with ts, service and metrics")
    return _ts_fault(document, rules, now_s) or _labels_fault(document, rules) or _metrics_fault(document, rules)


def _ts_fault(document: dict[str, object], rules: Rules, now_s: float) -> Fault | None:
    if document.get("ts") is None:
        return Fault("missing_ts", "ts: missing, expected seconds since the epoch")
    ts = document["ts"]
    if not isinstance(ts, int | float) or isinstance(ts, bool):
        return Fault("ts_type", f"ts: {shortened(ts)}, expected a number of seconds since the epoch")
    if not _fits(ts):
        return Fault("ts_type", f"ts: {shortened(ts)}, expected a finite number of seconds since the epoch")
    return ts_fault(float(ts), rules, now_s)


def _labels_fault(document: dict[str, object], rules: Rules) -> Fault | None:
    if document.get("service") is None:
        return Fault("missing_service", "service: missing, expected a name")
    texts: dict[str, str] = {}
    for name in Labels._fields:
        value = document.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            return Fault("label_type", f"{name}: {shortened(value)}, expected a string")
        texts[name] = value
    return label_fault(Labels(**texts), rules)


def _metrics_fault(document: dict[str, object], rules: Rules) -> Fault | None:
    metrics = document.get("metrics")
    if metrics is None:
        return Fault("no_metrics", "metrics: missing, expected at least one")
    if not isinstance(metrics, dict):
        return Fault("metric_type", f"metrics: {shortened(metrics)}, expected an object of numbers")
    for name, value in metrics.items():
        if not isinstance(value, int | float):
            return Fault("metric_type", f"metrics: {shortened(name)}: {shortened(value)}, expected a number")
        if not _fits(value):
            found = f"{shortened(name)}: {shortened(value)}"
            return Fault("metric_not_finite", f"metrics: {found}, expected a finite number")
    return names_fault(tuple(metrics), rules)


def _fits(value: float) -> bool:
    try:
        return isfinite(float(value))
    except OverflowError:
        return False
