"""PagerDuty, by its Events API v2 (`developer.pagerduty.com`, "Send an event to PagerDuty").

Duplicate: a repeat has the same `dedup_key`, so one incident is one alert, however often it is sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from actions.base import Secret
from actions.channels.http import ChannelHttp, host_of
from actions.channels.inert import one_line, plain, shortened
from actions.channels.message import ChannelRefused, Delivery, Event, Message
from actions.channels.params import PAGERDUTY_SEVERITY, check_https
from actions.kinds.http import Access, JsonValue
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

MAX_KEY = 255
MAX_SUMMARY = 1_024
ACTIONS: Mapping[Event, str] = {"milestone": "acknowledge", "close": "resolve"}
"""Every other event triggers."""


@dataclass(frozen=True, slots=True)
class PagerDutyParams:
    """routing_key: the integration key of the service at PagerDuty. webhook_secret: of the webhook subscription by
    which PagerDuty tells what people do there, None for none. Raises `ValueError`.
    """

    routing_key: Secret
    kind: Literal["pagerduty"] = "pagerduty"
    webhook_secret: Secret | None = None
    url: str = "https://events.pagerduty.com/v2/enqueue"
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        check_https("PagerDutyParams.url", self.url)
        check_number(self, "timeout_s", 0.1, 30.0)

    @property
    def host(self) -> str:
        """See `ChannelParams`."""
        return host_of(self.url)

    def build(self, session: aiohttp.ClientSession) -> PagerDuty:
        """See `ChannelParams`."""
        return PagerDuty(self, session)


class PagerDuty:
    """See the module."""

    def __init__(self, params: PagerDutyParams, session: aiohttp.ClientSession) -> None:
        self._params = params
        # The key is in the body, and an answer that echoes it must not be quoted.
        self._http = ChannelHttp(
            session, Access(request_timeout_s=params.timeout_s), (params.host,), show_path=False,
        )

    async def send(self, message: Message) -> Delivery:
        """Trigger, acknowledge or resolve the alert of the message. Raises `ChannelRefused`."""
        action = ACTIONS.get(message.event, "trigger")
        key = vendor_key(message.dedup_key)
        body: dict[str, JsonValue] = {
            "routing_key": self._params.routing_key.reveal(), "event_action": action, "dedup_key": key,
        }
        if action == "trigger":
            body["payload"] = {
                "summary": one_line(message.title, MAX_SUMMARY), "source": "tocsin",
                "severity": PAGERDUTY_SEVERITY.get(message.severity, "info"),
                "custom_details": {"text": shortened(plain(message.text), 2_000), "incident": message.incident_id},
            }
            body["client"] = "Tocsin"
            if message.link is not None:
                body["links"] = [{"href": message.link, "text": "Tocsin"}]
        answer = await self._http.call("POST", self._params.url, body=body)
        if not isinstance(answer, dict) or answer.get("status") != "success":
            raise ChannelRefused("PagerDuty answered without status success", final=False)
        return Delivery(key, f"PagerDuty accepted: {action}")

    async def close(self) -> None:
        """Nothing is held open."""


def vendor_key(dedup_key: str) -> str:
    """The key as PagerDuty takes it: at most 255 characters, a longer one by its hash.

    >>> vendor_key("a"), len(vendor_key("a" * 300))
    ('a', 64)
    """
    return dedup_key if len(dedup_key) <= MAX_KEY else hashlib.sha256(dedup_key.encode()).hexdigest()
