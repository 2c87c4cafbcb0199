"""Prometheus Alertmanager, by its API v2 (`POST /api/v2/alerts`): it routes, groups and silences as it does elsewhere.

An alert ends by itself at `endsAt`, so an open incident is told again before that (`repeat_s`). Duplicate: an alert is
known by its labels. The severity is one of them, so a change ends the alerts of the other severities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING, Literal

from actions.base import Secret
from actions.channels.http import ChannelHttp, host_of
from actions.channels.inert import one_line, plain, shortened
from actions.channels.message import Delivery, Message
from actions.channels.params import check_https
from actions.kinds.http import Access, JsonValue
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

MAX_TEXT = 2_000
TEST_LASTS_S = 60.0
SEVERITIES = ("P0", "P1", "P2", "P3", "P4")


@dataclass(frozen=True, slots=True)
class AlertmanagerParams:
    """url: of Alertmanager. lasts_s: how long an alert lasts at most if it is not told to be over. labels: added to
    each alert, for routing. Raises `ValueError`.
    """

    url: str
    kind: Literal["alertmanager"] = "alertmanager"
    token: Secret | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    lasts_s: float = 86_400.0
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        check_https("AlertmanagerParams.url", self.url, is_base=True)
        check_number(self, "lasts_s", 60.0, 30 * 86_400.0)
        check_number(self, "timeout_s", 0.1, 30.0)

    @property
    def host(self) -> str:
        """See `ChannelParams`."""
        return host_of(self.url)

    @property
    def repeat_s(self) -> float:
        """How often an open incident is told again."""
        return self.lasts_s / 3.0

    def build(self, session: aiohttp.ClientSession) -> Alertmanager:
        """See `ChannelParams`."""
        return Alertmanager(self, session)


class Alertmanager:
    """See the module. now_s: dates the alerts."""

    def __init__(
        self, params: AlertmanagerParams, session: aiohttp.ClientSession, now_s: Callable[[], float] = time,
    ) -> None:
        self._params = params
        access = Access(secret=params.token, request_timeout_s=params.timeout_s)
        self._http = ChannelHttp(session, access, (params.host,))
        self._now_s = now_s

    async def send(self, message: Message) -> Delivery:
        """Fire or end the alert of the message. Raises `ChannelRefused`."""
        now_s = self._now_s()
        ends_s = now_s + (TEST_LASTS_S if message.event == "test" else self._params.lasts_s)
        ended = () if message.event in ("open", "test") else SEVERITIES
        alerts: list[JsonValue] = [
            self._alert(message, each, now_s, now_s) for each in ended
            if message.event == "close" or each != message.severity
        ]
        if message.event != "close":
            alerts.append(self._alert(message, message.severity, now_s, ends_s))
        await self._http.call("POST", f"{self._params.url.rstrip('/')}/api/v2/alerts", body=alerts)
        until = "as over" if message.event == "close" else f"until {_written(ends_s)}"
        return Delivery(message.dedup_key, f"Alertmanager accepted it {until}")

    def _alert(self, message: Message, severity: str, now_s: float, ends_s: float) -> JsonValue:
        return {
            "labels": {
                **self._params.labels, "alertname": "TocsinIncident", "incident": message.dedup_key,
                "severity": severity,
            },
            "annotations": {
                "summary": one_line(message.title, MAX_TEXT), "description": shortened(plain(message.text), MAX_TEXT),
            },
            "startsAt": _written(now_s), "endsAt": _written(ends_s),
        }

    async def close(self) -> None:
        """Nothing is held open."""


def _written(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
