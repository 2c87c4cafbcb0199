"""What a valid sample is, and a sentence for each way in which one is invalid.

The typed decoder of the codec and its column checks decide whether a sample is accepted. `explain` only words the
reason for the few that were rejected, so it may be slow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from streams.intake.columns import Labels
from streams.intake.dead_letters import Reason

METRIC_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,127}")
MILLISECONDS_FROM = 1e11
"""A timestamp this large would be the year 5138 in seconds; as milliseconds it is 1973."""
SHOWN = 60
TIME_NAMES = ("timestamp", "time", "@timestamp", "timestamp_ms", "ts_ms", "event_time")
"""Names under which producers write what is `ts` here."""
SERVICE_NAMES = ("service_name", "service.name", "svc", "app", "application", "name")


@dataclass(frozen=True, slots=True)
class ValidationLimits:
    """Limits of a valid sample. max_age_s: None accepts any age. max_bytes: of the value of one Kafka record."""

    max_future_s: float = 300.0
    max_age_s: float | None = None
    max_label_length: int = 128
    max_metrics: int = 64
    max_bytes: int = 1_000_000


class Rejection(NamedTuple):
    """Why a record or an element of one was rejected: a code, and a sentence with place, value and expectation."""

    reason: Reason
    detail: str


def shortened(value: object) -> str:
    """The value as text, at most `SHOWN` characters of it."""
    text = repr(value[: 2 * SHOWN]) if isinstance(value, str | bytes) else repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def check_labels(labels: Labels, limits: ValidationLimits) -> Rejection | None:
    """What is wrong with labels of the right types."""
    if not labels.service:
        return Rejection("missing_service", "service: '', expected a name")
    for name, value in zip(Labels._fields, labels, strict=True):
        if value is None:
            continue
        if len(value) > limits.max_label_length:
            found = f"{shortened(value)} has {len(value)} characters"
            return Rejection("label_too_long", f"{name}: {found}, expected at most {limits.max_label_length}")
        if not value.isprintable():
            return Rejection("label_unprintable", f"{name}: {shortened(value)}, expected printable characters")
    return None


def check_metric_names(names: tuple[str, ...], limits: ValidationLimits) -> Rejection | None:
    """What is wrong with the set of metric names of one sample."""
    if not names:
        return Rejection("no_metrics", "metrics: {}, expected at least one")
    if len(names) > limits.max_metrics:
        return Rejection("too_many_metrics", f"metrics: {len(names)}, expected at most {limits.max_metrics}")
    for name in names:
        if METRIC_NAME.fullmatch(name) is None:
            expected = "a letter or _, then letters, digits and _.:/-, at most 128 in all"
            return Rejection("metric_name", f"metrics: name {shortened(name)}, expected {expected}")
    return None


def timestamp_bounds(limits: ValidationLimits, now_s: float) -> tuple[float, float]:
    """The lowest and the highest timestamp to accept; below `MILLISECONDS_FROM` whatever the clock says."""
    lowest = 0.0 if limits.max_age_s is None else max(0.0, now_s - limits.max_age_s)
    return lowest, min(now_s + limits.max_future_s, MILLISECONDS_FROM)


def wrong_unit(ts_s: float) -> str | None:
    """The unit of a time since the epoch that cannot be one of seconds; None for one that can.

    >>> wrong_unit(1764240000.25), wrong_unit(1764240000250.0)
    (None, 'milliseconds')
    """
    if ts_s <= MILLISECONDS_FROM:
        return None
    return "milliseconds" if ts_s < 1e14 else "microseconds" if ts_s < 1e17 else "nanoseconds"


def check_timestamp(ts_s: float, limits: ValidationLimits, now_s: float) -> Rejection | None:
    """What is wrong with a timestamp that is a number."""
    lowest, highest = timestamp_bounds(limits, now_s)
    if ts_s < 0.0:
        return Rejection("ts_negative", f"ts: {ts_s!r}, expected seconds since the epoch")
    unit = wrong_unit(ts_s)
    if unit is not None:
        return Rejection("ts_wrong_unit", f"ts: {ts_s!r} looks like {unit}, expected seconds since the epoch")
    if ts_s > highest:
        expected = f"at most {limits.max_future_s:g} s ahead"
        return Rejection("ts_far_future", f"ts: {ts_s!r} is {ts_s - now_s:.1f} s in the future, expected {expected}")
    if ts_s < lowest:
        expected = f"at most {limits.max_age_s:g} s"
        return Rejection("ts_too_old", f"ts: {ts_s!r} is {now_s - ts_s:.1f} s old, expected {expected}")
    return None


def explain(document: object, limits: ValidationLimits, now_s: float) -> Rejection | None:
    """What is wrong with one sample as plain JSON; None when nothing is found."""
    if not isinstance(document, dict):
        return Rejection("not_object", f"value: {shortened(document)}, expected an object with ts, service and metrics")
    return (
        _check_timestamp(document, limits, now_s) or _check_labels(document, limits) or _check_metrics(document, limits)
    )


def _check_timestamp(document: dict[str, object], limits: ValidationLimits, now_s: float) -> Rejection | None:
    if document.get("ts") is None:
        return Rejection("missing_ts", f"ts: missing{_instead(document, TIME_NAMES)}, expected seconds since the epoch")
    ts = document["ts"]
    if not isinstance(ts, int | float) or isinstance(ts, bool):
        return Rejection("ts_type", f"ts: {shortened(ts)}, expected a number of seconds since the epoch")
    if not _is_finite(ts):
        return Rejection("ts_type", f"ts: {shortened(ts)}, expected a finite number of seconds since the epoch")
    return check_timestamp(float(ts), limits, now_s)


def _check_labels(document: dict[str, object], limits: ValidationLimits) -> Rejection | None:
    if document.get("service") is None:
        return Rejection(
            "missing_service", f"service: missing{_instead(document, SERVICE_NAMES)}, expected a name",
        )
    texts: dict[str, str] = {}
    for name in Labels._fields:
        value = document.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            return Rejection("label_type", f"{name}: {shortened(value)}, expected a string")
        texts[name] = value
    return check_labels(Labels(**texts), limits)


def _check_metrics(document: dict[str, object], limits: ValidationLimits) -> Rejection | None:
    metrics = document.get("metrics")
    if metrics is None:
        numbers = [name for name, value in document.items() if name != "ts" and isinstance(value, int | float)]
        found = f"metrics: missing{_instead(document, numbers)}"
        return Rejection("no_metrics", f'{found}, expected an object of numbers such as {{"latency_ms": 812.4}}')
    if not isinstance(metrics, dict):
        return Rejection("metric_type", f"metrics: {shortened(metrics)}, expected an object of numbers")
    for name, value in metrics.items():
        if not isinstance(value, int | float):
            return Rejection("metric_type", f"metrics: {shortened(name)}: {shortened(value)}, expected a number")
        if not _is_finite(value):
            found = f"{shortened(name)}: {shortened(value)}"
            return Rejection("metric_not_finite", f"metrics: {found}, expected a finite number")
    return check_metric_names(tuple(metrics), limits)


def _instead(document: dict[str, object], names: Sequence[str]) -> str:
    """The first field that was probably meant, in brackets."""
    found = next((name for name in names if name in document), None)
    return "" if found is None else f" (there is {shortened(found)})"


def _is_finite(value: float) -> bool:
    try:
        return isfinite(float(value))
    except OverflowError:
        return False
