"""A generic webhook: a JSON body of your own, with texts rendered by Jinja2 in its sandbox, signed with HMAC-SHA-256.

The signature has the three headers of Standard Webhooks (`actions/kinds/webhooks/signature.py`). Each text of the body
is a template of its own and its result one JSON string, so a label can change neither the structure nor be a template.
Duplicate: a repeat has the same `Idempotency-Key` and `webhook-id`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from actions.base import Secret
from actions.channels.http import ChannelHttp, host_of
from actions.channels.inert import plain, shortened
from actions.channels.message import ChannelRefused, Delivery, Message
from actions.channels.params import check_https
from actions.kinds.http import Access, JsonValue
from actions.kinds.webhooks.signature import check_signing_secret, signer
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

FIELDS = (
    "id", "incident_id", "event", "dedup_key", "thread", "recipient", "severity", "title", "text", "link",
)
"""What a template may name."""
MAX_RENDERED = 10_000
DEPTH_MAX = 8
_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)  # the result is JSON


@dataclass(frozen=True, slots=True)
class WebhookChannelParams:
    """webhook_url: is often a secret itself, so only its host is shown. body: JSON whose texts are templates; None
    sends all fields. signing_secret: signs each request. Raises `ValueError`.
    """

    webhook_url: Secret
    kind: Literal["webhook"] = "webhook"
    body: Mapping[str, object] | None = None
    signing_secret: Secret | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        check_https("WebhookChannelParams.webhook_url", self.webhook_url)
        check_signing_secret("WebhookChannelParams.signing_secret", self.signing_secret)
        check_number(self, "timeout_s", 0.1, 30.0)
        if self.body is not None:
            try:
                _filled(self.body, dict.fromkeys(FIELDS, ""), 0)
            except (TemplateError, ValueError) as error:
                raise ValueError(f"WebhookChannelParams.body: {error}, expected templates of {', '.join(FIELDS)}"
                                 ) from None

    @property
    def host(self) -> str:
        """See `ChannelParams`."""
        return host_of(self.webhook_url.reveal())

    def build(self, session: aiohttp.ClientSession) -> WebhookChannel:
        """See `ChannelParams`."""
        return WebhookChannel(self, session)


class WebhookChannel:
    """See the module. now_s: dates the signatures."""

    def __init__(
        self, params: WebhookChannelParams, session: aiohttp.ClientSession, now_s: Callable[[], float] = time.time,
    ) -> None:
        self._params = params
        access = Access(request_timeout_s=params.timeout_s, headers=params.headers)
        sign = signer(params.signing_secret, now_s)
        self._http = ChannelHttp(session, access, (params.host,), show_path=False, sign=sign)

    async def send(self, message: Message) -> Delivery:
        """Post the body. Raises `ChannelRefused`."""
        await self._http.call("POST", self._params.webhook_url.reveal(), body=self._body(message), key=message.id)
        return Delivery(message.id, f"{self._params.host} accepted it")

    def _body(self, message: Message) -> JsonValue:
        values = {name: getattr(message, name) for name in FIELDS}
        shown: dict[str, JsonValue] = {
            name: plain(value) if isinstance(value, str) else None for name, value in values.items()
        }
        if self._params.body is None:
            return shown
        try:
            return _filled(self._params.body, shown, 0)
        except TemplateError as error:
            reason = f"the body could not be rendered: {type(error).__name__}"
            raise ChannelRefused(reason, final=True) from error

    async def close(self) -> None:
        """Nothing is held open."""


def _filled(template: object, values: Mapping[str, object], depth: int) -> JsonValue:
    """The body for these values. Raises `TemplateError`, and `ValueError` for what is not JSON."""
    if depth > DEPTH_MAX:
        raise ValueError(f"deeper than {DEPTH_MAX} levels")
    if isinstance(template, Mapping):
        return {str(name): _filled(value, values, depth + 1) for name, value in template.items()}
    if isinstance(template, list | tuple):
        return [_filled(value, values, depth + 1) for value in template]
    if isinstance(template, str):
        try:
            return shortened(_ENVIRONMENT.from_string(template).render(values), MAX_RENDERED)
        except TemplateSyntaxError as error:
            raise ValueError(f"{template!r} ({error.message})") from None
    if template is None or isinstance(template, int | float):
        return template
    raise ValueError(f"{template!r}")
