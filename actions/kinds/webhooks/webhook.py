"""Set a state by a request to any HTTP endpoint, and undo it by another: the action for targets without a kind.

Several hooks have names; a step chooses one by `params: {hook: NAME}`. An answer of 409 or 412 is a refusal: the target
is not in the state that the decision assumed.

Crash: a key runs once. Duplicate: the request is sent again with the same `Idempotency-Key`, by which the target must
know it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actions.base import Bounds, Done, Reading, RunContext, Secret, TargetError
from actions.kinds.http import Access, Http, fill_url
from actions.kinds.json_template import pointed
from actions.kinds.webhooks.hook import Call, hook_of
from actions.kinds.webhooks.signature import check_signing_secret, signer
from actions.model import Intent

if TYPE_CHECKING:
    import aiohttp


@dataclass(frozen=True, slots=True)
class Hook:
    """What sets a state, what undoes it, and where it is read. run, undo: the requests. verify_url: template of a URL
    to read. verify_field: where the JSON answer holds the state; the name of a field, or a JSON pointer beginning with
    `/`. verify_value: what it is while the state is set. Raises `ValueError`.
    """

    run: Call
    undo: Call
    verify_url: str | None = None
    verify_field: str = "state"
    verify_value: str | bool | float = "set"


@dataclass(frozen=True, slots=True)
class WebhookParams:
    """hooks: by name, at least one. signing_secret: signs each request (Standard Webhooks). Raises `ValueError`."""

    hooks: Mapping[str, Hook]
    signing_secret: Secret | None = None
    access: Access = field(default_factory=Access)
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        if not self.hooks:
            raise ValueError("WebhookParams.hooks: none, expected at least one")
        check_signing_secret("WebhookParams.signing_secret", self.signing_secret)
        for name, hook in self.hooks.items():
            hook.run.check(f"WebhookParams.hooks.{name}.run", self.access)
            hook.undo.check(f"WebhookParams.hooks.{name}.undo", self.access)
            self.access.check_url(f"WebhookParams.hooks.{name}.verify_url", hook.verify_url)

    def build(self, session: aiohttp.ClientSession) -> Webhook:
        """The action. The caller closes the session."""
        return Webhook(self, session)


class Webhook:
    """See the module."""

    kind = "webhook"
    reversible = True
    holds = True

    def __init__(self, params: WebhookParams, session: aiohttp.ClientSession) -> None:
        self._hooks = params.hooks
        self._http = Http(session, params.access, sign=signer(params.signing_secret, time.time))
        self.bounds = params.bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Send the request and read back. Raises `TargetError`, and `Refusal` where the target answers 409 or 412."""
        name, hook = hook_of(self._hooks, intent)
        call = hook.undo if intent.undo else hook.run
        shown = call.shown(self._http, intent)
        if ctx.dry_run:
            return Done(f"would {shown}", {"hook": name})
        await call.send(self._http, intent)
        if hook.verify_url is None:
            return Done(f"{name}: {shown}", {"hook": name})
        reading = await self.read_back(intent)
        if reading.applied is intent.undo:
            raise TargetError(f"{name}: {reading.detail} after {shown}", retryable=True)
        return Done(f"{name}: {shown}, read back", {"hook": name, "verified": True})

    async def read_back(self, intent: Intent) -> Reading:
        """Whether the field has `verify_value`. Raises `TargetError`."""
        name, hook = hook_of(self._hooks, intent)
        if hook.verify_url is None:
            return Reading(None, f"{name}: no verify_url is configured, so the state cannot be read")
        found = pointed(await self._http.call("GET", fill_url(hook.verify_url, intent)), hook.verify_field)
        if found is None:
            return Reading(None, f"{name}: the answer has no {hook.verify_field}")
        return Reading(found == hook.verify_value, f"{name}: {hook.verify_field} is {found!r}")
