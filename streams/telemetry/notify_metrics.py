"""The metrics of notifications, by channel: how they ended, why they failed, how long they took, how many wait."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import get_args

from prometheus_client import CollectorRegistry

from actions.channels.notification import FailureReason, Notification
from streams.telemetry.families import Families

BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
COUNTED = ("sent", "retrying", "failed", "superseded")


class NotifyMetrics:
    """In the registry of the role respond. channels: by name, as configured."""

    def __init__(self, registry: CollectorRegistry, channels: Collection[str]) -> None:
        families = Families(registry)
        self._changes = families.counter(
            "tocsin_notifications", "Notifications by the state that they got.", channel=channels, state=COUNTED,
        )
        self._failures = families.counter(
            "tocsin_notification_failures", "Notifications that were not delivered, by the reason.", channel=channels,
            reason=get_args(FailureReason),
        )
        self._took = families.histogram(
            "tocsin_notification_seconds", "From the decision to tell it until the channel accepted it.", BUCKETS_S,
            channel=channels,
        )
        self._waiting = families.gauge(
            "tocsin_notifications_waiting", "Notifications that wait to be sent.", channel=channels,
        )

    def changed(self, one: Notification) -> None:
        """A notification got a state."""
        if one.state in COUNTED:
            self._changes.labels(one.channel, one.state).inc()
        if one.failure is not None:
            self._failures.labels(one.channel, one.failure).inc()
        if one.state == "sent":
            self._took.labels(one.channel).observe(max(one.changed_at_s - one.created_at_s, 0.0))

    def observe(self, waiting: Mapping[str, int]) -> None:
        """How many wait, by channel."""
        for channel, count in waiting.items():
            self._waiting.labels(channel).set(count)
