"""The state of a target at an HTTP gateway: set it, and read it back.

Crash: a key runs once. Duplicate: the request states the wanted state and carries the key, so repeating it is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass

from actions.base import Data, Done, Reading, RunContext, TargetError
from actions.kinds.http import Http, JsonValue, Method, fill_url
from actions.kinds.json_template import pointed, scope_and_cause
from actions.kinds.urls import masked
from actions.model import Intent


@dataclass(frozen=True, slots=True)
class StateEndpoint:
    """Where a state is written and read. url, verify_url: templates of the scope's fields, `{target}` and `{state}`.

    verify_url: None does not read back. verify_field: where the JSON answer holds the state; the name of a field, or a
    JSON pointer that begins with `/`.
    """

    method: Method
    url: str
    verify_url: str | None
    verify_field: str


async def set_state(
    http: Http, endpoint: StateEndpoint, intent: Intent, ctx: RunContext, state: str, body: dict[str, JsonValue],
) -> Done:
    """Write a state and verify it. Raises `TargetError`.

    The request's body is `body` with target, scope, incident, key and reason.
    """
    url = fill_url(endpoint.url, intent, {"state": state})
    data: Data = {"state": state}
    if ctx.dry_run:
        shown = fill_url(masked(endpoint.url), intent, {"state": state})
        return Done(f"would {endpoint.method} {shown}", data)
    await http.call(endpoint.method, url, body={**scope_and_cause(intent), **body}, key=intent.key)
    if endpoint.verify_url is None:
        return Done(f"{intent.target} set to {state}", data)
    verify_url = fill_url(endpoint.verify_url, intent, {"state": state})
    found = pointed(await http.call("GET", verify_url), endpoint.verify_field)
    if not _same(found, state):
        message = f"GET {http.shown(verify_url)}: {endpoint.verify_field} is {found!r} after setting {state!r}"
        raise TargetError(message, retryable=True)
    return Done(f"{intent.target} set to {state}, read back", {**data, "verified": True})


async def read_state(http: Http, endpoint: StateEndpoint, intent: Intent, state: str) -> Reading:
    """Whether the target is in a state now. Raises `TargetError`."""
    if endpoint.verify_url is None:
        return Reading(None, f"{intent.target}: no verify_url is configured, so the state cannot be read")
    verify_url = fill_url(endpoint.verify_url, intent, {"state": state})
    found = pointed(await http.call("GET", verify_url), endpoint.verify_field)
    if found is None:
        return Reading(None, f"{intent.target}: the answer has no {endpoint.verify_field}")
    return Reading(_same(found, state), f"{intent.target}: {endpoint.verify_field} is {found!r}")


def _same(found: JsonValue, state: str) -> bool:
    # A gateway may write the factor 1.0 as 1, and as a text.
    if str(found) == state:
        return True
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        return False
    try:
        return float(state) == float(found)
    except ValueError:
        return False
