"""All kinds of channels in one table: the name in the configuration, its parameters, and whether it wakes people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.channels.kinds.pagerduty import PagerDutyParams
from actions.channels.kinds.webhook import WebhookChannelParams

CHANNEL_KINDS: Mapping[str, type[Any]] = {
    "webhook": WebhookChannelParams,
    "pagerduty": PagerDutyParams,
}
PAGING = frozenset({"pagerduty"})
"""Kinds that wake people: they are told only what somebody is to be woken up for."""
