"""ServiceNow: one record of the table `incident` for each incident, by the Table API, or events for Event Management.

Incident: `POST` and `PATCH /api/now/table/incident`. The record is known by its `correlation_id`, which is looked up
and compared before anything is written, so a repeat finds the record that an earlier attempt made, and a text that
arrived is not written again. ServiceNow leaves out a condition that it does not understand and returns other records;
that is refused. Two processes that create the record within the same second, after a take-over, can make two. Event:
`POST /api/global/em/jsonv2`; events with one `message_key` are one alert there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from actions.base import Secret
from actions.channels.http import ChannelHttp, host_of
from actions.channels.kinds.servicenow_fields import (
    changed,
    created,
    encoded,
    event_record,
    marker,
    record_key,
)
from actions.channels.message import ChannelRefused, Delivery, Message
from actions.channels.params import check_https
from actions.kinds.http import Access, JsonValue, basic_secret
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

OWN_FIELDS = frozenset({
    "short_description", "description", "impact", "urgency", "correlation_id", "correlation_display", "state",
    "close_code", "close_notes", "work_notes", "parent_incident", "sys_id",
})
MOST_FOUND = 10


@dataclass(frozen=True, slots=True)
class ServiceNowParams:
    """url: of the instance. user: the account that Tocsin uses there; with it `password` (Basic) or `token` (Bearer).

    record: what is made of an incident. fields: more fields of a new record, such as `assignment_group` or `caller_id`.
    close_code: with which a record is resolved; one that the instance knows. poll_s: how often what people do with the
    records is asked for, None for never. Raises `ValueError`.
    """

    url: str
    user: str
    kind: Literal["servicenow"] = "servicenow"
    password: Secret | None = None
    token: Secret | None = None
    record: Literal["incident", "event"] = "incident"
    fields: Mapping[str, str] = field(default_factory=dict)
    close_code: str = "Solution provided"
    poll_s: float | None = 30.0
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        check_https("ServiceNowParams.url", self.url, is_base=True)
        check_number(self, "timeout_s", 0.1, 30.0)
        if (self.password is None) == (self.token is None):
            raise ValueError("ServiceNowParams.password: expected either password or token")
        if not self.user or ":" in self.user:
            raise ValueError(f"ServiceNowParams.user: {self.user!r}, expected a user name without a colon")
        own = sorted(OWN_FIELDS & self.fields.keys())
        if own:
            raise ValueError(f"ServiceNowParams.fields: {own[0]!r} is set by Tocsin, expected other fields")
        if self.poll_s is not None:
            check_number(self, "poll_s", 1.0, 3_600.0)

    @property
    def host(self) -> str:
        """See `ChannelParams`."""
        return host_of(self.url)

    @property
    def table_url(self) -> str:
        """Of the table of incidents."""
        return f"{self.url.rstrip('/')}/api/now/table/incident"

    def http(self, session: aiohttp.ClientSession) -> ChannelHttp:
        """The client that is logged in as the user."""
        if self.token is not None:
            scheme, secret = "Bearer", self.token
        else:
            assert self.password is not None, "checked at the start"
            scheme, secret = "Basic", basic_secret(self.user, self.password)
        access = Access(
            auth_scheme=scheme, secret=secret, request_timeout_s=self.timeout_s,
            headers={"Accept": "application/json"},
        )
        return ChannelHttp(session, access, (self.host,))

    def build(self, session: aiohttp.ClientSession) -> ServiceNow:
        """See `ChannelParams`."""
        return ServiceNow(self, session)


@dataclass(frozen=True, slots=True)
class _Record:
    """A record that stands: its id, number and state, and all texts that were written into it."""

    sys_id: str
    number: str
    state: str
    texts: str


class ServiceNow:
    """See the module."""

    def __init__(self, params: ServiceNowParams, session: aiohttp.ClientSession) -> None:
        self._params = params
        self._http = params.http(session)

    async def send(self, message: Message) -> Delivery:
        """Write the message into the record of its incident. Raises `ChannelRefused`."""
        key = record_key(message)
        if self._params.record == "event":
            return await self._send_event(message, key)
        found = await self._find(key, with_texts=message.in_doubt)
        if found is None:
            return await self._create(message, key)
        if message.in_doubt and marker(message) in found.texts:
            return Delivery(found.sys_id, f"ServiceNow has it already: {found.number}")
        fields = changed(message, found.state, self._params.close_code)
        await self._http.call("PATCH", f"{self._params.table_url}/{found.sys_id}", body=fields)
        return Delivery(found.sys_id, f"ServiceNow changed {found.number}")

    async def close(self) -> None:
        """Nothing is held open."""

    async def _send_event(self, message: Message, key: str) -> Delivery:
        event = event_record(message, key)
        url = f"{self._params.url.rstrip('/')}/api/global/em/jsonv2"
        await self._http.call("POST", url, body={"records": [event]})
        return Delivery(key, f"ServiceNow accepted an event of severity {event['severity']}")

    async def _create(self, message: Message, key: str) -> Delivery:
        if message.event == "close":
            return Delivery(None, "ServiceNow has no record to resolve")
        fields = created(message, key, self._params.fields, self._params.close_code)
        answer = await self._http.call("POST", self._params.table_url, body=fields)
        made = _result(answer)
        if not isinstance(made, dict) or not made.get("sys_id"):
            raise ChannelRefused("ServiceNow answered without a record", final=False)
        return Delivery(str(made["sys_id"]), f"ServiceNow created {made.get('number')}")

    async def _find(self, key: str, *, with_texts: bool) -> _Record | None:
        """The record with this key, the oldest if there are several; None for none. Raises `ChannelRefused`."""
        fields = "sys_id,number,state,correlation_id"
        query = {
            "sysparm_query": f"correlation_id={encoded(key)}^ORDERBYsys_created_on", "sysparm_fields": fields,
            "sysparm_limit": str(MOST_FOUND), "sysparm_exclude_reference_link": "true",
        }
        rows = rows_of(await self._http.call("GET", self._params.table_url, query=query))
        others = [row for row in rows if row.get("correlation_id") != key]
        if others:
            raise ChannelRefused("ServiceNow did not search by correlation_id, expected only the record asked for",
                                 final=True)
        if not rows:
            return None
        sys_id, number, state = (str(rows[0].get(name, "")) for name in ("sys_id", "number", "state"))
        texts = await self._texts(sys_id) if with_texts else ""
        return _Record(sys_id, number, state, texts)

    async def _texts(self, sys_id: str) -> str:
        """Description and work notes of a record. The notes are only there as they are displayed."""
        query = {"sysparm_fields": "description,work_notes", "sysparm_display_value": "true"}
        answer = await self._http.call("GET", f"{self._params.table_url}/{sys_id}", query=query)
        row = _result(answer)
        return "\n".join(str(text) for text in row.values()) if isinstance(row, dict) else ""


def rows_of(answer: JsonValue) -> list[dict[str, JsonValue]]:
    """The records of an answer of the Table API. Raises `ChannelRefused`."""
    found = _result(answer)
    if not isinstance(found, list):
        raise ChannelRefused("ServiceNow answered without records", final=False)
    return [row for row in found if isinstance(row, dict)]


def _result(answer: JsonValue) -> JsonValue:
    return answer.get("result") if isinstance(answer, dict) else None
