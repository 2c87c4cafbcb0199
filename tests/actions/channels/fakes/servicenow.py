"""A strict fake of ServiceNow, after its documentation: "Table API", "Event Management: Send events via web service"
(`/api/global/em/jsonv2`), "Inbound REST API rate limiting", "Encoded query strings", and "Event field format".

As there: 401 for a wrong login, 403 "Data Policy Exception" for a record that is resolved without close code and notes,
404 for an unknown record, 429 with `Retry-After`, journal fields that are only read as displayed, references by dots in
`sysparm_fields`, and conditions on unknown fields that are left out, so that other records come back
(`glide.invalid_query.returns_no_rows`). Stricter than there: a field, a choice or a parameter that the document does
not have is refused with 400, where ServiceNow drops it.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from typing_extensions import override

from tests.actions.channels.fakes.server import FakeServer, Refused

USER, PASSWORD, TOKEN = "tocsin", "pa55-secret", "oauth-secret"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
CHOICES = {
    "impact": {"1", "2", "3"}, "urgency": {"1", "2", "3"}, "state": {"1", "2", "3", "6", "7", "8"},
    "close_code": {"", "Solution provided", "Workaround provided", "No resolution provided", "Duplicate"},
}
LIMITS = {"short_description": 160, "description": 4_100, "correlation_id": 100, "correlation_display": 100,
          "close_notes": 4_000, "work_notes": 4_100}
FIELDS = {*CHOICES, *LIMITS, "assignment_group", "caller_id", "category", "parent_incident", "assigned_to"}
READ = {
    *FIELDS, "sys_id", "number", "sys_created_on", "sys_updated_on", "sys_updated_by", "sys_mod_count",
    "assigned_to.user_name", "assigned_to.name", "resolved_by.user_name", "resolved_by.name",
}
PARAMETERS = {
    "sysparm_query", "sysparm_fields", "sysparm_limit", "sysparm_offset", "sysparm_exclude_reference_link",
    "sysparm_display_value",
}
EVENT_LIMITS = {"source": 100, "node": 100, "type": 100, "resource": 100, "event_class": 100, "message_key": 1_024,
                "description": 4_000, "additional_info": 10_000}
EVENT_FIELDS = {*EVENT_LIMITS, "severity", "resolution_state", "metric_name", "time_of_event"}


class FakeServiceNow(FakeServer):
    """records: of the table `incident`, by sys_id; notes: their work notes; events: that were accepted. lose: so many
    answers to writes are lost after the write. now: of the instance. created: how many records were created here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, dict[str, str]] = {}
        self.notes: dict[str, list[str]] = {}
        self.users: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        self.lose = 0
        self.created = 0
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def by_key(self, key: str) -> list[dict[str, str]]:
        """The records of a correlation id."""
        return [one for one in self.records.values() if one["correlation_id"] == key]

    def act(self, sys_id: str, by: str, **fields: str) -> None:
        """What a person does in the forms of ServiceNow."""
        self._write(sys_id, {**fields}, by)

    @override
    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") not in (BASIC, f"Bearer {TOKEN}"):
            raise Refused(401, _error("User Not Authenticated", "Required to provide Auth information"))
        if request.headers.get("Accept") != "application/json":
            raise Refused(406, _error("Not acceptable", "expected application/json"))
        if request.method == "POST" and request.path == "/api/global/em/jsonv2":
            return self._take_events(await request.json())
        head, found, sys_id = request.path.partition("/api/now/table/incident")
        if head or not found:
            raise Refused(400, _error("Invalid table", request.path))
        if unknown := set(request.query) - PARAMETERS:
            raise Refused(400, _error("Unknown parameter", ", ".join(sorted(unknown))))
        return await self._table(request, sys_id.removeprefix("/"))

    async def _table(self, request: web.Request, sys_id: str) -> web.StreamResponse:
        if request.method == "GET":
            rows = [self._row(sys_id, request)] if sys_id else self._search(request)
            return web.json_response({"result": rows[0] if sys_id else rows})
        fields = await request.json()
        if request.method == "POST" and not sys_id:
            made = uuid.uuid4().hex
            self._check(fields, {})
            self.created += 1
            at = self._at()
            self.records[made] = {
                "sys_id": made, "number": f"INC{self.created:07}", "state": "1", "sys_created_on": at, "close_code": "",
                "close_notes": "", "assigned_to": "", "resolved_by": "", "sys_mod_count": "-1", "correlation_id": "",
                "correlation_display": "", "description": "",
            }
            self.notes[made] = []
            self._write(made, fields, USER)
            return self._answer(request, made, 201)
        if request.method == "PATCH" and sys_id:
            self._check(fields, self._known(sys_id))
            self._write(sys_id, fields, USER)
            return self._answer(request, sys_id, 200)
        raise Refused(405, _error("Method not allowed", request.method))

    def _answer(self, request: web.Request, sys_id: str, status: int) -> web.StreamResponse:
        if self.lose:
            self.lose -= 1
            assert request.transport is not None
            request.transport.close()
        return web.json_response({"result": self.records[sys_id]}, status=status)

    def _known(self, sys_id: str) -> dict[str, str]:
        if sys_id not in self.records:
            raise Refused(404, _error("No Record found", "Record doesn't exist or ACL restricts the record retrieval"))
        return self.records[sys_id]

    def _check(self, fields: Any, before: dict[str, str]) -> None:
        for name, value in fields.items():
            if name not in FIELDS or not isinstance(value, str):
                raise Refused(400, _error("Invalid field", name))
            if name in CHOICES and value not in CHOICES[name]:
                raise Refused(400, _error("Invalid choice", f"{name}={value}"))
            if len(value) > LIMITS.get(name, 100):
                raise Refused(400, _error("Too long", name))
        after = {**before, **fields}
        if after.get("state") in ("6", "7") and not (after.get("close_code") and after.get("close_notes")):
            raise Refused(403, _error("Operation Failed", "Data Policy Exception: Resolution code, Resolution notes"))

    def _write(self, sys_id: str, fields: dict[str, str], by: str) -> None:
        record = self.records[sys_id]
        note = fields.pop("work_notes", None)
        if note is not None:
            self.notes[sys_id].append(note)
        if fields.get("state") == "6" != record["state"]:
            record["resolved_by"] = by
        record.update(fields)
        record.update(sys_updated_on=self._at(), sys_updated_by=by,
                      sys_mod_count=str(int(record["sys_mod_count"]) + 1))

    def _search(self, request: web.Request) -> list[dict[str, str]]:
        found = list(self.records)
        for condition in request.query.get("sysparm_query", "").split("^"):
            if condition.startswith("ORDERBYDESC"):
                found.sort(key=lambda one: self.records[one][condition.removeprefix("ORDERBYDESC")], reverse=True)
            elif condition.startswith("ORDERBY"):
                found.sort(key=lambda one: self.records[one][condition.removeprefix("ORDERBY")])
            else:
                found = [one for one in found if self._holds(self.records[one], condition)]
        skipped, most = (int(request.query.get(name, default)) for name, default in (
            ("sysparm_offset", "0"), ("sysparm_limit", "10000"),
        ))
        return [self._row(one, request) for one in found[skipped:skipped + most]]

    def _holds(self, record: dict[str, str], condition: str) -> bool:
        name, operator, value = condition.partition("RELATIVEGT@minute@ago@")
        if operator:
            dated = datetime.strptime(record[name], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
            return (self.now() - dated).total_seconds() < 60.0 * int(value)
        for operator in ("IN", "="):
            name, found, value = condition.partition(operator)
            if found and name in READ:
                return record.get(name, "") in (value.split(",") if operator == "IN" else [value])
        return True  # an unknown condition is left out

    def _row(self, sys_id: str, request: web.Request) -> dict[str, str]:
        record = self._known(sys_id)
        names = [name for name in request.query.get("sysparm_fields", "").split(",") if name] or list(record)
        if unknown := set(names) - READ:
            raise Refused(400, _error("Unknown field", ", ".join(sorted(unknown))))
        is_displayed = request.query.get("sysparm_display_value") == "true"
        row = {}
        for name in names:
            if name == "work_notes":
                row[name] = "\n\n".join(reversed(self.notes[sys_id])) if is_displayed else ""
            elif "." in name:
                field, _, part = name.partition(".")
                who = record[field]
                row[name] = self.users.get(who, who) if part == "name" else who
            else:
                row[name] = record.get(name, "")
        return row

    def _take_events(self, body: Any) -> web.StreamResponse:
        for event in body["records"]:
            if unknown := set(event) - EVENT_FIELDS:
                raise Refused(400, _error("Unknown field", ", ".join(sorted(unknown))))
            if event["severity"] not in ("0", "1", "2", "3", "4", "5") or not event.get("source"):
                raise Refused(400, _error("Invalid event", "severity or source"))
            if event.get("resolution_state", "New") not in ("New", "Closing"):
                raise Refused(400, _error("Invalid event", "resolution_state"))
            if any(len(event.get(name, "")) > limit for name, limit in EVENT_LIMITS.items()):
                raise Refused(400, _error("Invalid event", "too long"))
            if not isinstance(json.loads(event["additional_info"]), dict):
                raise Refused(400, _error("Invalid event", "additional_info"))
        self.events += body["records"]
        return web.json_response({"result": {"Default Bulk Endpoint": f"{len(body['records'])} events were inserted"}})

    def _at(self) -> str:
        return self.now().strftime("%Y-%m-%d %H:%M:%S")


def _error(message: str, detail: str) -> dict[str, Any]:
    return {"error": {"message": message, "detail": detail}, "status": "failure"}
