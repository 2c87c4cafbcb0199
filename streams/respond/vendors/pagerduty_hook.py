"""What people do at PagerDuty, by its webhooks (V3): `POST /api/v1/hooks/pagerduty`.

As developer.pagerduty.com has it ("Webhooks: Overview", "Verifying Signatures", "Behavior"): the body is signed with
HMAC-SHA256, the header `X-PagerDuty-Signature` has one signature for each secret, and a webhook may come more than
once. A request without a signature that counts is answered with 401 and audited. What is about no incident of this
deployment is answered with 200, since PagerDuty turns a webhook off whose events are refused. What PagerDuty did by
itself, or an integration of it such as Tocsin, is nobody's act and changes nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import orjson
import structlog
from aiohttp import web

from actions.base import Secret
from actions.bounded import remember
from streams.respond.http.authentication import Authenticator, Unauthenticated
from streams.respond.http.json_body import answer
from streams.respond.vendors.vendor_actions import Account, VendorAction, VendorActions, VendorVerb

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.vendors")

PATH = "/api/v1/hooks/pagerduty"
HEADER = "X-PagerDuty-Signature"
VERBS: Mapping[str, VendorVerb] = {
    "incident.acknowledged": "acknowledge", "incident.unacknowledged": "unacknowledge",
    "incident.resolved": "resolve", "incident.reassigned": "assign",
}
MAX_REMEMBERED = 10_000
PEOPLE = "user_reference"


class PagerDutyHook:
    """See the module. secrets: of the webhook subscriptions. source: of the deployment."""

    def __init__(
        self, secrets: Collection[Secret], source: str, actions: VendorActions, authenticator: Authenticator,
    ) -> None:
        self._secrets = tuple(secrets)
        self._source = source
        self._actions = actions
        self._authenticator = authenticator
        self._taken: dict[str, None] = {}

    @property
    def wanted(self) -> bool:
        """Whether there is a secret to check its requests with."""
        return bool(self._secrets)

    def add_to(self, app: web.Application) -> None:
        """Add the route, where it is wanted."""
        if self.wanted:
            app.router.add_post(PATH, self._take)

    def is_public(self, request: web.Request) -> bool:
        """Its requests are known by their signature."""
        return self.wanted and request.path == PATH

    async def _take(self, request: web.Request) -> web.Response:
        """Raises `Unauthenticated`, `TooMany` and KafkaError."""
        remote = self._authenticator.senders.of(request)
        self._authenticator.check_failures(remote)
        body = await request.read()
        if not signed(body, request.headers.get(HEADER, ""), self._secrets):
            self._authenticator.note_failure(remote)
            raise Unauthenticated(f"no signature in the header {HEADER} counts")
        event = _event(body)
        name = str(event.get("id", ""))
        if name and name in self._taken:
            return answer({"became": "it was taken already"})
        action = action_of(event, self._source)
        became = action if isinstance(action, str) else (await self._actions.take(action)).text
        remember(self._taken, name, None, MAX_REMEMBERED)
        log.info("pagerduty_webhook", event_type=str(event.get("event_type", ""))[:60], became=became)
        return answer({"became": became})


def signed(body: bytes, header: str, secrets: Collection[Secret]) -> bool:
    """Whether one of the signatures in the header is one of the body with one of the secrets."""
    given = [each.strip() for each in header.split(",")]
    expected = [
        f"v1={hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest()}" for secret in secrets
    ]
    # Bytes of the header that are no UTF-8 stand in its text as surrogates.
    found = [each.encode(errors="surrogateescape") for each in given]
    return any(hmac.compare_digest(one.encode(), each) for one in expected for each in found)


def action_of(event: Mapping[str, Any], source: str) -> VendorAction | str:
    """What somebody did, or why nothing follows from the event."""
    verb = VERBS.get(str(event.get("event_type")))
    if verb is None:
        return "nothing follows from events of this type"
    data, agent = _part(event, "data"), _part(event, "agent")
    if agent.get("type") != PEOPLE:
        return "no person did it"
    key = str(data.get("incident_key") or "")
    rest = key.removeprefix(f"{source}/")
    if rest == key:
        return "it is no incident of this deployment"
    try:
        at_s = datetime.fromisoformat(str(event.get("occurred_at"))).timestamp()
    except ValueError:
        return "it has no time"
    assignees = data.get("assignees")
    to = _account(assignees[0]) if isinstance(assignees, list) and assignees else None
    return VendorAction("pagerduty", verb, rest.partition("/")[0], _account(agent), at_s, to)


def _event(body: bytes) -> Mapping[str, Any]:
    """Raises `ValueError`."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the body is no JSON ({error}), expected an event") from None
    event = found.get("event") if isinstance(found, dict) else None
    if not isinstance(event, dict):
        raise ValueError("the body has no event, expected a webhook of PagerDuty, version 3")
    return event


def _account(found: object) -> Account:
    known = found if isinstance(found, dict) else {}
    mail = known.get("email")
    return Account(str(known.get("id", "")), str(known.get("summary", "")), mail if isinstance(mail, str) else None)


def _part(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = event.get(name)
    return found if isinstance(found, dict) else {}
