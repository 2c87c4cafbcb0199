"""Strict reading of request bodies: an object of exactly the known fields, or a 400 with the reason."""

from __future__ import annotations

import orjson
from aiohttp import web


def bad_request(message: str) -> web.HTTPBadRequest:
    """A 400 with its reason as JSON."""
    return web.HTTPBadRequest(text=orjson.dumps({"error": message}).decode(), content_type="application/json")


async def read_json(request: web.Request) -> dict[str, object]:
    """The body as a JSON object; an empty body is an empty one."""
    raw = await request.read()
    try:
        body = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError as error:
        raise bad_request(f"body: {error}, expected JSON") from error
    if not isinstance(body, dict):
        raise bad_request(f"body: {type(body).__name__}, expected a JSON object")
    return body


async def read_fields(request: web.Request, *, required: frozenset[str] = frozenset(),
                      optional: frozenset[str] = frozenset()) -> dict[str, object]:
    """The body with all required fields and none that is unknown."""
    body = await read_json(request)
    if unknown := sorted(body.keys() - required - optional):
        expected = ", ".join(sorted(required | optional)) or "no fields"
        raise bad_request(f"{unknown[0]}: unknown field, expected {expected}")
    if missing := sorted(required - body.keys()):
        raise bad_request(f"{missing[0]}: missing")
    return body
