"""Durations and other values with a unit, as they are written and as messages tell of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from config.fields import UNITS_S

UNIT_OF: Mapping[str, str] = {
    "_per_hour": "per hour, without a unit, such as 20", "_per_min": "per minute, without a unit, such as 100",
    "_bytes": "of bytes, without a unit, such as 1000000", "_share": "from 0 to 1, such as 0.1 for 10 %",
    "_ratio": "from 0 to 1, such as 0.1 for 10 %", "_ms": "of milliseconds, without a unit, such as 500",
}
"""By the end of a setting's name: what its number is."""
SECONDS = "a number without a unit is seconds"
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")
_WRITTEN = ("w", "d", "h", "m", "s", "ms")


def duration_text(value_s: float) -> str:
    """A duration of seconds as the file writes it, exactly.

    >>> duration_text(604800.0), duration_text(5400.0), duration_text(0.25), duration_text(0.0), duration_text(90.5)
    ('7d', '1h30m', '250ms', '0s', '90.5s')
    """
    thousandths = round(value_s * 1000.0)
    if thousandths <= 0 or abs(thousandths / 1000.0 - value_s) > 1e-9 or (thousandths % 1000 and value_s > 1.0):
        return f"{value_s:.12g}s"
    for unit in _WRITTEN[1:]:
        size = round(UNITS_S[unit] * 1000.0)
        if thousandths % size == 0:
            return f"{thousandths // size}{unit}" if unit != "m" or thousandths < 3_600_000 else _hours(thousandths)
    raise AssertionError(f"{value_s}: expected a whole number of milliseconds")


def _hours(thousandths: int) -> str:
    hours, rest = divmod(thousandths, 3_600_000)
    return f"{hours}h{rest // 60_000}m"


def expected_duration(expected: str, found: object) -> str:
    """What was expected of a duration, in words that name units. expected: with bounds as numbers of seconds. found:
    as it was written; for a number, the message says what it could have meant.

    >>> expected_duration("at least 3600", 7)
    'a duration of at least 1h, such as 7h or 7d (a number without a unit is seconds)'
    >>> expected_duration("a number from 0.25 to 60", "90s")
    'a duration from 250ms to 1m'
    """
    words = _NUMBER.sub(lambda match: duration_text(float(match[0])), expected.removesuffix(" s"))
    words = f"a duration{words.removeprefix('a number')}" if words.startswith("a number") else f"a duration of {words}"
    if isinstance(found, str | bool) or not isinstance(found, int | float):
        return words
    bounds = _NUMBER.findall(expected) if re.search("least|more|above|from", expected) else []
    least_s = float(bounds[0]) if bounds else 0.0
    meant = [f"{found:g}{unit}" for unit in ("m", "h", "d") if found * UNITS_S[unit] >= least_s]
    if found <= 0 or least_s <= 0 or len(meant) < 2:
        return f"{words} ({SECONDS})"
    return f"{words}, such as {', '.join(meant[:-1])} or {meant[-1]} ({SECONDS})"


def expected_number(setting: str, expected: str) -> str:
    """What was expected of a number, with its unit, by the name of the setting.

    >>> expected_number("actions_per_hour", "a whole number"), expected_number("min_count", "a whole number")
    ('a whole number per hour, without a unit, such as 20', 'a whole number')
    """
    unit = next((words for end, words in UNIT_OF.items() if f"_{setting}".endswith(end)), None)
    return expected if unit is None or expected not in ("a number", "a whole number") else f"{expected} {unit}"
