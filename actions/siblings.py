"""Limits on parts of a service: how many siblings may be touched, and whether enough of them serve. Pure.

Siblings are targets that differ after the last slash: `chat/r0` and `chat/r1`. Their numbers come with the intent.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Protocol

from actions.model import Intent


class SiblingLimits(Protocol):
    """The limits that concern siblings, see `LimitParams`."""

    @property
    def fleet_share(self) -> float: ...
    @property
    def share_window_s(self) -> float: ...
    @property
    def min_healthy_share(self) -> float: ...
    @property
    def outage_share(self) -> float: ...
    @property
    def outage_wait_s(self) -> float: ...


def check_siblings(
    intent: Intent, in_force: Collection[str], acted_on: Collection[str], limits: SiblingLimits,
) -> str | None:
    """Why an intent is refused because of its siblings; None if it is not. in_force: targets with a remedy in force.
    acted_on: by this kind within `share_window_s`.
    """
    return _share(intent, in_force, acted_on, limits) or _outage(intent, limits) or _healthy(intent, limits)


def too_early(intent: Intent, outage_wait_s: float) -> bool:
    """Whether the service as a whole began to alarm so lately that its other parts may follow. A shard waits for it."""
    fleet = intent.fleet
    if fleet is None or fleet.alarming_for_s is None or intent.undo or not _is_part(intent):
        return False
    return fleet.alarming_for_s < outage_wait_s


def _share(
    intent: Intent, in_force: Collection[str], acted_on: Collection[str], limits: SiblingLimits,
) -> str | None:
    """If their number is unknown, one sibling may be touched. A target without a slash has no siblings."""
    parent = intent.target.rpartition("/")[0]
    if not parent:
        return None
    held, acted = (
        {target for target in known if target.rpartition("/")[0] == parent} - {intent.target}
        for known in (in_force, acted_on)
    )
    after = len(held | acted) + 1
    size = _size(intent)
    allowed = 1 if size is None else max(1, math.floor(size * limits.fleet_share + 1e-9))
    of = "an unknown number of" if size is None else f"{size:g}"
    if after <= allowed:
        return None
    counted = [f"{len(held)} in force"] if held else []
    if acted - held:
        window_h = limits.share_window_s / 3600.0
        counted.append(f"{len(acted - held)} acted on within the last {window_h:.3g} h (limits.share_window)")
    return (
        f"{intent.kind} would touch {after} of {of} targets, {allowed} allowed (limits.fleet_share): "
        f"{' and '.join(counted)} already"
    )


def _outage(intent: Intent, limits: SiblingLimits) -> str | None:
    """While many siblings alarm, the cause is not in one of them."""
    fleet = intent.fleet
    if fleet is None or not _is_part(intent):
        return None
    if too_early(intent, limits.outage_wait_s):
        return f"{intent.service} as a whole alarms since {fleet.alarming_for_s:.1f} s: its parts are not to blame"
    size = _size(intent)
    if size is None or fleet.alarming is None:
        return "it is not known how many siblings alarm"
    if size > 1 and fleet.alarming >= size * limits.outage_share and fleet.alarming > 1:
        return f"{fleet.alarming} of {size:g} siblings alarm: the cause is not in one of them"
    return None


def _healthy(intent: Intent, limits: SiblingLimits) -> str | None:
    """Enough siblings must serve, also when a person takes the responsibility."""
    fleet, size = intent.fleet, _size(intent)
    if fleet is None or not _is_part(intent):
        return None
    if size is None or fleet.healthy is None:
        return "it is not known how many siblings are healthy"
    if fleet.healthy < size * limits.min_healthy_share:
        return f"{fleet.healthy} of {size:g} siblings are heard and healthy, {limits.min_healthy_share:.0%} must be"
    return None


def _is_part(intent: Intent) -> bool:
    return intent.replica is not None


def _size(intent: Intent) -> float | None:
    """How many siblings there are; None if unknown."""
    if intent.fleet is not None and intent.fleet.size is not None:
        return float(intent.fleet.size)
    size = intent.params.get("fleet_size")
    if isinstance(size, bool) or not isinstance(size, int | float) or not math.isfinite(size):
        return None
    return float(size)
