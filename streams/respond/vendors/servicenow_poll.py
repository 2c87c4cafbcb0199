"""What people do with Tocsin's records in ServiceNow: the table is asked for what changed lately.

It is asked by the Table API for the records of this deployment (`correlation_display`) that changed within the last
minutes of the instance's own clock (`RELATIVEGT`), so neither time zones nor two clocks that differ lose a change; no
address of yours must be reachable. What Tocsin's own account wrote is not what somebody did, and a record is taken once
in each version of it (`sys_mod_count`). In Progress and On Hold acknowledge, Resolved and Closed resolve. Guarantee on
crash: the last day is read again, and what was written already has the same id. Several processes ask, and each takes
the incidents that it owns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import structlog
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from actions.bounded import remember
from actions.channels.http import ChannelHttp
from actions.channels.kinds.servicenow import ServiceNowParams, rows_of
from actions.channels.kinds.servicenow_fields import (
    CLOSED,
    IN_PROGRESS,
    ON_HOLD,
    RESOLVED,
    correlation_id,
    encoded,
)
from actions.channels.message import ChannelRefused
from actions.kinds.http import JsonValue
from classifiers.directives import Acknowledge
from streams.respond.vendors.vendor_actions import Account, VendorAction, VendorActions, VendorVerb

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.vendors")

FIRST_BACK_S = 86_400.0
MARGIN_S = 120.0
PAGE_ROWS = 1_000
MOST_PAGES = 20
"""Of the newest changes; the account of Tocsin sees others only where ServiceNow leaves a condition out."""
MAX_REMEMBERED = 20_000
FIELDS = (
    "sys_id", "correlation_id", "correlation_display", "state", "sys_updated_on", "sys_updated_by", "sys_mod_count",
    "assigned_to.user_name", "resolved_by.user_name",
)
VERBS: Mapping[str, VendorVerb] = {
    IN_PROGRESS: "acknowledge", ON_HOLD: "acknowledge", RESOLVED: "resolve", CLOSED: "resolve",
}


class ServiceNowPoll:
    """Asks one instance. source: of the deployment. mine: whether an incident is owned by this process. mono_s:
    monotonic seconds. alarms: called with an incident that alarms although it was resolved there, and a name of that
    act, so that the record says so.
    """

    def __init__(
        self, params: ServiceNowParams, http: ChannelHttp, source: str, actions: VendorActions,
        mine: Callable[[str], bool], mono_s: Callable[[], float], alarms: Callable[[str, str], None],
    ) -> None:
        self._params = params
        self._http = http
        self._source = source
        self._actions = actions
        self._mine = mine
        self._mono_s = mono_s
        self._alarms = alarms
        self._asked_s: float | None = None
        self._states: dict[str, tuple[str, str]] = {}

    async def run(self) -> None:
        """Ask until cancelled."""
        assert self._params.poll_s is not None, "it is asked at an interval"
        while True:
            try:
                await self.ask()
            except (ChannelRefused, KafkaError) as error:
                log.warning("servicenow_not_read", reason=str(error))
            await asyncio.sleep(self._params.poll_s)

    async def ask(self) -> None:
        """Read what changed, and write what follows. Raises `ChannelRefused` and KafkaError: it is then read again."""
        began_s = self._mono_s()
        back_s = FIRST_BACK_S if self._asked_s is None else min(FIRST_BACK_S, began_s - self._asked_s + MARGIN_S)
        display = correlation_id(self._source)
        found = [row for row in await self._changed(display, back_s) if row.get("correlation_display") == display]
        for row in reversed(found):
            await self._take(row)
        self._asked_s = began_s

    async def _changed(self, display: str, back_s: float) -> list[dict[str, JsonValue]]:
        """The records that changed in so many seconds, the newest first."""
        query = {
            "sysparm_query": f"correlation_display={encoded(display)}"
                             f"^sys_updated_onRELATIVEGT@minute@ago@{max(1, round(back_s / 60.0))}"
                             "^ORDERBYDESCsys_updated_on",
            "sysparm_fields": ",".join(FIELDS), "sysparm_limit": str(PAGE_ROWS),
            "sysparm_exclude_reference_link": "true",
        }
        rows: list[dict[str, JsonValue]] = []
        for number in range(MOST_PAGES):
            page = {**query, "sysparm_offset": str(number * PAGE_ROWS)}
            rows += (more := rows_of(await self._http.call("GET", self._params.table_url, query=page)))
            if len(more) < PAGE_ROWS:
                break
        return rows

    async def _take(self, row: Mapping[str, JsonValue]) -> None:
        texts = {name: str(row.get(name) or "") for name in FIELDS}
        prefix, _, incident_id = texts["correlation_id"].rpartition("/")
        if prefix != self._source or not self._mine(incident_id):
            return
        known = self._states.get(texts["sys_id"])
        now = (texts["state"], texts["sys_mod_count"])
        if known == now:
            return
        action = action_of(texts, incident_id, self._params.user, None if known is None else known[0])
        if action is not None:
            became = await self._actions.take(action)
            if action.verb == "resolve" and isinstance(became.made, Acknowledge):
                self._alarms(incident_id, "/".join((texts["sys_id"], *now)))
        remember(self._states, texts["sys_id"], now, MAX_REMEMBERED)


def action_of(row: Mapping[str, str], incident_id: str, own_user: str, before: str | None) -> VendorAction | None:
    """What somebody did with a record; None for nothing. before: its state as last read, None where it was not read.

    Where Tocsin wrote last, a person acted only if the state is another one than before: then it is who has it.
    """
    state, by = row["state"], row["sys_updated_by"]
    verb = VERBS.get(state)
    if verb is None:
        return None
    if by == own_user:
        holder = row["resolved_by.user_name"] if verb == "resolve" else row["assigned_to.user_name"]
        if before in (None, state) or holder in ("", own_user):
            return None
        by = holder
    try:
        at_s = datetime.strptime(row["sys_updated_on"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    return VendorAction("servicenow", verb, incident_id, Account(by, by), at_s)
