"""Notify people: always with a log line, and with a webhook if one is configured. The undo reports the resolution.

Crash: a key runs once, so a crash may lose a notification; it is reported as interrupted. Duplicate: the webhook gets
the same key again and may drop it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import structlog

from actions.base import Bounds, Done, Reading, RunContext
from actions.kinds.http import Access, Http, JsonValue, Method, check_method, fill_url
from actions.kinds.urls import SECRET_PATH
from actions.model import Intent

if TYPE_CHECKING:
    import aiohttp

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.notify")


@dataclass(frozen=True, slots=True)
class NotifyParams:
    """url: template of the webhook. It is often a secret itself, so only its host is shown. None logs only.

    Raises `ValueError`.
    """

    url: str | None = field(default=None, repr=False, metadata=SECRET_PATH)
    method: Method = "POST"
    access: Access = field(default_factory=Access)
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        check_method("NotifyParams.method", self.method)
        self.access.check_url("NotifyParams.url", self.url, is_secret=True)

    def build(self, session: aiohttp.ClientSession) -> Notify:
        """The action. The caller closes the session."""
        return Notify(self, session)


class Notify:
    """See the module."""

    kind = "notify"
    reversible = True
    holds = False

    def __init__(self, params: NotifyParams, session: aiohttp.ClientSession) -> None:
        self._params = params
        self._http = Http(session, params.access, show_path=False)
        self.bounds = params.bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Log, then post the intent as JSON with `state` firing or resolved. Raises `TargetError`."""
        state = "resolved" if intent.undo else "firing"
        log.warning(
            "notice", state=state, service=intent.service, incident_id=intent.incident_id, reason=intent.reason,
            severity=intent.params.get("severity"), title=intent.params.get("title"), dry_run=ctx.dry_run,
        )
        if self._params.url is None:
            return Done(f"logged: {intent.service} {state}", {"state": state})
        url = fill_url(self._params.url, intent)
        shown = self._http.shown(url)
        if ctx.dry_run:
            return Done(f"would {self._params.method} to {shown}", {"state": state})
        body: dict[str, JsonValue] = {"state": state, **asdict(intent)}
        await self._http.call(self._params.method, url, body=body, key=intent.key)
        return Done(f"notified {shown}: {intent.service} {state}", {"state": state})

    async def read_back(self, intent: Intent) -> Reading:
        """Unknown: a webhook cannot be asked what it told people."""
        return Reading(None, f"{intent.target}: a notification leaves nothing that could be read")
