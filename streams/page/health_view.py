"""How Tocsin itself is, as JSON: its shards and workers, what they dropped, and its channels. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from streams.page.state import PageState

DROPPED = ("late", "refused_series", "overflowed", "dropped_values", "skipped")
"""Counts of a `ShardReport`."""


def health_view(state: PageState) -> dict[str, Any]:
    """How this process is, and what the owners of the shards said last.

    newest_s: date of the newest record, None before the first. newest_tick_s: when one of the shards last wrote that
    windows closed. dropped: what was left out since the owners of the shards began.
    """
    services = [one.newest for one in state.series.services()]
    shards = state.series.shards()
    blind = [one.id for one in state.incidents() if one.category == "telemetry" and one.state != "resolved"]
    dead = sum((Counter(one.dead) for one in shards), Counter())
    return {
        "newest_s": state.newest_s, "telemetry_incidents": blind,
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
