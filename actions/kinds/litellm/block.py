"""Block a deployment, a team or a key at a LiteLLM proxy; the undo unblocks it.

A blocked deployment gets no more requests, the others of its model group take them: a circuit breaker. A blocked team
or key is refused by the proxy.

Crash: a key runs once. Duplicate: blocking what is blocked changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actions.base import Bounds, Done, Reading, RunContext, TargetError
from actions.kinds.http import Access, Http
from actions.kinds.litellm.proxy import Named, Proxy, Subject
from actions.model import Intent

if TYPE_CHECKING:
    import aiohttp


@dataclass(frozen=True, slots=True)
class LitellmBlockParams:
    """url: of the proxy. subject: `model` (a deployment), `team` or `key`. id: template of its id. ids: the id by what
    the template gives, for a proxy that names them otherwise. access: with the key of a proxy admin. Raises
    `ValueError`.
    """

    url: str
    subject: Subject = "model"
    id: str = "{replica}"
    ids: Mapping[str, str] = field(default_factory=dict)
    access: Access = field(default_factory=Access)
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        self.access.check_url("LitellmBlockParams.url", self.url, is_base=True)
        if self.subject not in ("model", "team", "key"):
            raise ValueError(f"LitellmBlockParams.subject: {self.subject!r}, expected model, team or key")
        Named(self.subject, self.id, self.ids).check("LitellmBlockParams")

    def build(self, session: aiohttp.ClientSession) -> LitellmBlock:
        """The action. The caller closes the session."""
        return LitellmBlock(self, session)


class LitellmBlock:
    """See the module."""

    kind = "litellm_block"
    reversible = True
    holds = True

    def __init__(self, params: LitellmBlockParams, session: aiohttp.ClientSession) -> None:
        self._named = Named(params.subject, params.id, params.ids)
        self._proxy = Proxy(Http(session, params.access), params.url)
        self.bounds = params.bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Block or unblock, and read back. Raises `TargetError`."""
        subject, name = self._named.subject, self._named.of(intent)
        verb = "unblock" if intent.undo else "block"
        if ctx.dry_run:
            await self._proxy.fields(subject, name)
            return Done(f"would {verb} {subject} {name}")
        await self._proxy.send(subject, verb, name, {}, intent.key)
        reading = await self.read_back(intent)
        if reading.applied is intent.undo:
            raise TargetError(f"{reading.detail} after /{subject}/{verb}", retryable=True)
        return Done(f"{subject} {name} {verb}ed", {"subject": subject, "id": name, "verified": True})

    async def read_back(self, intent: Intent) -> Reading:
        """Whether it is blocked. Raises `TargetError`."""
        subject, name = self._named.subject, self._named.of(intent)
        blocked = (await self._proxy.fields(subject, name)).get("blocked")
        # The proxy says null of what was never blocked.
        return Reading(blocked is True, f"{subject} {name}: blocked is {blocked!r}")
