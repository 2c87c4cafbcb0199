"""How Tocsin itself is, as JSON: its shards and workers, what they dropped, and its channels. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from streams.page.state import PageState

DROPPED = ("late", "refused_series", "overflowed", "dropped_values", "skipped")
"""Counts of a `ShardReport`."""


ALONE_S = 90.0
"""A shard that reported nothing for so long is not watched; it reports every 15 s."""
BLIND_S = 1.0


def unwatched(state: PageState, now_s: float) -> list[str]:
    """Why what no incident tells may be wrong all the same: shards whose owner is gone, or sees nothing. now_s: by the
    clock of decisions. The texts stay the same while that lasts.
    """
    found = []
    for one in state.series.shards():
        head = f"shard {one.shard} is not watched:"
        if now_s - one.at_s > ALONE_S:
            found.append(f"{head} nothing was heard of {one.worker} since {_utc(one.at_s)}")
        elif one.blind_s >= BLIND_S:
            found.append(f"{head} {one.worker} is blind since {_utc(one.at_s - one.blind_s)}")
    return found


def _utc(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%H:%M:%S} UTC"


def health_view(state: PageState, ahead_s: float = 0.0) -> dict[str, Any]:
    """How this process is, and what the owners of the shards said last.

    ahead_s: of the clock of decisions, before the wall clock, by which records are dated. newest_s: date of the newest
    record, None before the first. newest_tick_s: when one of the shards last wrote that windows closed. dropped: what
    was left out since the owners of the shards began.
    """
    services = [one.newest for one in state.series.services()]
    shards = state.series.shards()
    blind = [one.id for one in state.incidents() if one.category == "telemetry" and one.state != "resolved"]
    dead = sum((Counter(one.dead) for one in shards), Counter())
    return {
        "alone_s": ALONE_S, "newest_s": None if state.newest_s is None else state.newest_s + ahead_s,
        "telemetry_incidents": blind,
        "services": len(services), "series": sum(one.series for one in services),
        "warming": sum(one.warming for one in services), "silent": sum(one.silent for one in services),
        "shards": len(state.ticks), "newest_tick_s": max(state.ticks.values(), default=None),
        "owners": [
            {
                "shard": one.shard, "worker": one.worker, "at_s": one.at_s, "blind_s": one.blind_s,
                "evaluated_until_s": one.evaluated_until_s,
            }
            for one in shards
        ],
        "dropped": {name: total for name in DROPPED if (total := sum(getattr(one, name) for one in shards))},
        "dropped_since_s": min((one.since_s for one in shards), default=None),
        "dead": dict(sorted(dead.items())), "channels": _channels(state),
    }


def _channels(state: PageState) -> list[dict[str, Any]]:
    """Each channel with its notifications by state, and why the last one failed."""
    counts: dict[str, Counter[str]] = {}
    failed: dict[str, tuple[float, str]] = {}
    for one in state.all_notifications():
        counts.setdefault(one.channel, Counter())[one.state] += 1
        if one.state == "failed":
            failed[one.channel] = max(failed.get(one.channel, (0.0, "")), (one.changed_at_s, one.reason))
    return [
        {
            "channel": name, "sent": states["sent"], "waiting": states["queued"] + states["sending"],
            "retrying": states["retrying"], "failed": states["failed"],
            "failure": None if name not in failed else {"at_s": failed[name][0], "reason": failed[name][1]},
        }
        for name, states in sorted(counts.items())
    ]
