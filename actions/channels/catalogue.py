"""All kinds of channels in one table: the name in the configuration, its parameters, and whether it wakes people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.channels.kinds.alertmanager import AlertmanagerParams
from actions.channels.kinds.chat_webhooks import DiscordParams, TeamsParams
from actions.channels.kinds.email import EmailParams
from actions.channels.kinds.pagerduty import PagerDutyParams
from actions.channels.kinds.servicenow import ServiceNowParams
from actions.channels.kinds.slack import SlackParams
from actions.channels.kinds.webhook import WebhookChannelParams

CHANNEL_KINDS: Mapping[str, type[Any]] = {
    "slack": SlackParams,
    "pagerduty": PagerDutyParams,
    "servicenow": ServiceNowParams,
    "alertmanager": AlertmanagerParams,
    "teams": TeamsParams,
    "discord": DiscordParams,
    "email": EmailParams,
    "webhook": WebhookChannelParams,
}
RECORDS = frozenset({"servicenow"})
"""Kinds that keep records. An account of a person there says who did something, and is no address of a page."""
PAGING = frozenset({"pagerduty"})
"""Kinds that wake people: they are told only what somebody is to be woken up for."""
