"""One configured request of a webhook: method, URL and body with placeholders; and which of them a step names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from actions.base import Refusal, TargetError
from actions.kinds.http import Access, Http, HttpError, JsonValue, Method, check_method, fill_url
from actions.kinds.json_template import check_json_template, fill_json, scope_and_cause
from actions.model import Intent

CONFLICTS = (409, 412)
"""Statuses by which a target says that it is not in the state that the decision assumed."""
Named = TypeVar("Named")


@dataclass(frozen=True, slots=True)
class Call:
    """A request. url: template of the scope's fields and `{target}`. body: JSON whose texts may have placeholders of
    the intent (`{target}`, `{reason}`, `{params.NAME}`, ...); None sends target, scope, incident, key and reason.
    """

    url: str
    method: Method = "POST"
    body: Mapping[str, object] | None = None

    def check(self, place: str, access: Access) -> None:
        """Raises `ValueError` for a method, URL or body that cannot be used."""
        check_method(f"{place}.method", self.method)
        access.check_url(f"{place}.url", self.url)
        if self.body is not None:
            check_json_template(f"{place}.body", self.body)

    async def send(self, http: Http, intent: Intent) -> JsonValue:
        """Send it; the JSON answer. Raises `TargetError`, and `Refusal` where the target answers 409 or 412."""
        body: JsonValue = dict(scope_and_cause(intent)) if self.body is None else fill_json(self.body, intent)
        try:
            return await http.call(self.method, fill_url(self.url, intent), body=body, key=intent.key)
        except HttpError as fault:
            if fault.status in CONFLICTS:
                raise Refusal(str(fault)) from fault
            raise

    def shown(self, http: Http, intent: Intent) -> str:
        """Method and URL for messages."""
        return f"{self.method} {http.shown(fill_url(self.url, intent))}"


def hook_of(hooks: Mapping[str, Named], intent: Intent) -> tuple[str, Named]:
    """The hook that the step names in `params["hook"]`, or the only one. Raises `TargetError`, not retryable."""
    name = intent.params.get("hook")
    if name is None and len(hooks) == 1:
        return next(iter(hooks.items()))
    if not isinstance(name, str) or name not in hooks:
        message = f"{intent.kind}: params.hook is {name!r}, expected one of {', '.join(sorted(hooks))}"
        raise TargetError(message, retryable=False)
    return name, hooks[name]
