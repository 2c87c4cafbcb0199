"""The JSON objects of requests and answers, and answers other than success."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web


class Problem(Exception):  # noqa: N818
    """An answer other than success. answer: for counting."""

    def __init__(self, status: int, reason: str, answer: str) -> None:
        self.status, self.answer = status, answer
        super().__init__(reason)


async def body_of(request: web.Request) -> Mapping[str, Any]:
    """The JSON object of a request; raises `ValueError`."""
    if request.content_type != "application/json":
        raise ValueError(f"Content-Type {request.content_type!r}, expected application/json")
    try:
        body = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the body is no JSON ({error}), expected an object") from None
    if not isinstance(body, dict):
        raise ValueError(f"the body is a {type(body).__name__}, expected an object")
    return body


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A value as JSON, which no cache keeps."""
    safe = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})}
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json", headers=safe)
