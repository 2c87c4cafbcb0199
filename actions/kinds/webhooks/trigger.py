"""Start something once by a request to any HTTP endpoint, with nothing to undo: rebuild a cache, run a validation.

Several hooks have names; a step chooses one by `params: {hook: NAME}`. An answer of 409 or 412 is a refusal.

Crash: a key runs once. Duplicate: the request is sent again with the same `Idempotency-Key`, by which the target must
know it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actions.base import Bounds, Done, Reading, RunContext, Secret
from actions.kinds.http import Access, Http
from actions.kinds.webhooks.hook import Call, hook_of
from actions.kinds.webhooks.signature import check_signing_secret, signer
from actions.model import Intent

if TYPE_CHECKING:
    import aiohttp


@dataclass(frozen=True, slots=True)
class TriggerParams:
    """hooks: by name, at least one. signing_secret: signs each request (Standard Webhooks). Raises `ValueError`."""

    hooks: Mapping[str, Call]
    signing_secret: Secret | None = None
    access: Access = field(default_factory=Access)
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        if not self.hooks:
            raise ValueError("TriggerParams.hooks: none, expected at least one")
        check_signing_secret("TriggerParams.signing_secret", self.signing_secret)
        for name, call in self.hooks.items():
            call.check(f"TriggerParams.hooks.{name}", self.access)

    def build(self, session: aiohttp.ClientSession) -> Trigger:
        """The action. The caller closes the session."""
        return Trigger(self, session)


class Trigger:
    """See the module."""

    kind = "trigger"
    reversible = False
    holds = False

    def __init__(self, params: TriggerParams, session: aiohttp.ClientSession) -> None:
        self._hooks = params.hooks
        self._http = Http(session, params.access, sign=signer(params.signing_secret, time.time))
        self.bounds = params.bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Send the request. Raises `TargetError`, and `Refusal` where the target answers 409 or 412."""
        name, call = hook_of(self._hooks, intent)
        shown = call.shown(self._http, intent)
        if ctx.dry_run:
            return Done(f"would {shown}", {"hook": name})
        await call.send(self._http, intent)
        return Done(f"{name}: {shown}", {"hook": name})

    async def read_back(self, intent: Intent) -> Reading:
        """Unknown: what was started leaves no state that could be read."""
        return Reading(None, f"{intent.target}: a trigger leaves nothing that could be read")
