"""A strict fake of PagerDuty's Events API v2, after developer.pagerduty.com "Send an event to PagerDuty" (v2/enqueue):
required fields, four severities, keys of 255 characters, 400 for what is invalid, 202 for what is accepted."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from typing_extensions import override

from tests.actions.channels.fakes.server import FakeServer, Refused

KEY = "R0UTINGKEY0000000000000000000000"
FIELDS = {
    "routing_key", "event_action", "dedup_key", "payload", "images", "links", "client", "client_url",
}
PAYLOAD = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}


class FakePagerDuty(FakeServer):
    """alerts: by dedup key, the state of each. events: all that were accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.alerts: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []

    @override
    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST" or request.path != "/v2/enqueue":
            raise Refused(404, {"status": "not found"})
        event = await request.json()
        faults = [*self._faults(event)]
        if faults:
            raise Refused(400, {"status": "invalid event", "message": "Event object is invalid", "errors": faults})
        key = event["dedup_key"]
        self.events.append(event)
        action = event["event_action"]
        if action == "trigger":
            self.alerts[key] = "triggered"
        elif key in self.alerts:
            self.alerts[key] = "acknowledged" if action == "acknowledge" else "resolved"
        return web.json_response(
            {"status": "success", "message": "Event processed", "dedup_key": key}, status=202,
        )

    def _faults(self, event: Any) -> list[str]:
        faults = []
        if not isinstance(event, dict) or event.get("routing_key") != KEY:
            return ["'routing_key' is invalid"]
        faults += [f"'{name}' is not a field" for name in set(event) - FIELDS]
        action = event.get("event_action")
        if action not in ("trigger", "acknowledge", "resolve"):
            faults.append("'event_action' is invalid")
        key = event.get("dedup_key")
        if not isinstance(key, str) or not 0 < len(key) <= 255:
            faults.append("'dedup_key' must be 1 to 255 characters")
        if action == "trigger":
            payload = event.get("payload") or {}
            faults += [f"'payload.{name}' is not a field" for name in set(payload) - PAYLOAD]
            summary = payload.get("summary")
            if not isinstance(summary, str) or not 0 < len(summary) <= 1024:
                faults.append("'payload.summary' must be 1 to 1024 characters")
            if not payload.get("source"):
                faults.append("'payload.source' is missing or blank")
            if payload.get("severity") not in ("critical", "error", "warning", "info"):
                faults.append("'payload.severity' is invalid")
        return faults
