"""Simulated receivers of webhooks."""

from __future__ import annotations

from actions.catalogue import ActionParams
from actions.kinds.http import JsonValue
from actions.kinds.webhooks.hook import Call
from actions.kinds.webhooks.notify import NotifyParams
from actions.kinds.webhooks.trigger import TriggerParams
from actions.kinds.webhooks.webhook import Hook, WebhookParams
from tests.actions.simulators.http_target import QUICK, HttpSimulator


class NotifySimulator(HttpSimulator):
    kind = "notify"

    def params(self, base: str) -> ActionParams:
        return NotifyParams(base + "/hooks/{replica}", access=QUICK)

    def state_after(self, body: dict[str, JsonValue]) -> JsonValue:
        return {"state": body["state"], "incident_id": body["incident_id"]}


class WebhookSimulator(HttpSimulator):
    kind = "webhook"

    def params(self, base: str) -> ActionParams:
        url = base + "/features/{replica}"
        on, off = Call(url, "PUT", {"mode": "small"}), Call(url, "PUT", {"mode": "full"})
        return WebhookParams({"shrink": Hook(on, off, url, "mode", "small")}, access=QUICK)

    def initial(self) -> JsonValue:
        return {"mode": "full"}


class TriggerSimulator(HttpSimulator):
    kind = "trigger"

    def params(self, base: str) -> ActionParams:
        return TriggerParams({"rebuild": Call(base + "/caches/{replica}/rebuild")}, access=QUICK)

    def state_after(self, body: dict[str, JsonValue]) -> JsonValue:
        return {"rebuilt_by": body["key"]}
