"""The ways back from vendors: what the configuration asks for, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import get_args

import aiohttp

from actions.approvals.desk import Desk
from actions.channels.kinds.pagerduty import PagerDutyParams
from actions.channels.kinds.servicenow import ServiceNowParams
from actions.channels.message import Message
from actions.channels.texts import still_alarming
from actions.trust.people import Directory
from classifiers.directive_fields import Vendor
from config.models import Config
from config.trust.build import accounts_of
from streams.respond.http.authentication import Authenticator
from streams.respond.http.control_log import ControlLog
from streams.respond.vendors.pagerduty_hook import PagerDutyHook
from streams.respond.vendors.servicenow_poll import ServiceNowPoll
from streams.respond.vendors.vendor_actions import VendorActions

SKEW_USED = 0.8
"""The share of `control.max_skew` that may pass between what somebody did and its record."""


def pagerduty_hook_of(
    config: Config, desk: Desk, directory: Directory, control: ControlLog, authenticator: Authenticator,
    now_s: Callable[[], float],
) -> PagerDutyHook:
    """The webhook of PagerDuty; it is not wanted where no channel has a secret for it."""
    params = [section.params for section in config.channels.values()]
    secrets = [
        each.webhook_secret for each in params
        if isinstance(each, PagerDutyParams) and each.webhook_secret is not None
    ]
    actions = _actions_of(config, desk, directory, control, now_s)
    return PagerDutyHook(secrets, control.source, actions, authenticator)


def _actions_of(
    config: Config, desk: Desk, directory: Directory, control: ControlLog, now_s: Callable[[], float],
) -> VendorActions:
    people = {
        vendor: accounts_of(config.people, [name for name, one in config.channels.items() if one.kind == vendor])
        for vendor in get_args(Vendor)
    }
    return VendorActions(desk, directory, people, control, now_s, SKEW_USED * config.control.max_skew_s)


class ServiceNowPolls:
    """Asks all instances of the configuration. mine: whether an incident is owned by this process. tell: sends a
    message by a channel.
    """

    def __init__(
        self, config: Config, desk: Desk, directory: Directory, control: ControlLog, mine: Callable[[str], bool],
        tell: Callable[[Message, str], None], now_s: Callable[[], float], mono_s: Callable[[], float],
    ) -> None:
        self._asked = {
            name: params for name, section in config.channels.items()
            if isinstance(params := section.params, ServiceNowParams)
            and params.poll_s is not None and params.record == "incident"
        }
        self._desk = desk
        self._control = control
        self._mine = mine
        self._tell = tell
        self._mono_s = mono_s
        self._actions = _actions_of(config, desk, directory, control, now_s)

    async def run(self) -> None:
        """Ask until cancelled; without such a channel this returns at once."""
        if not self._asked:
            return
        async with (
            self._control, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            asyncio.TaskGroup() as group,
        ):
            for name, params in self._asked.items():
                group.create_task(self._poll(name, params, session).run())

    def _poll(self, name: str, params: ServiceNowParams, session: aiohttp.ClientSession) -> ServiceNowPoll:
        def alarms(incident_id: str, act: str) -> None:
            incident = self._desk.incident(incident_id)
            if incident is not None:
                self._tell(still_alarming(incident, act, self._control.source), name)

        return ServiceNowPoll(
            params, params.http(session), self._control.source, self._actions, self._mine, self._mono_s, alarms,
        )
