"""The HTTP client of all actions: URLs, secrets, and which answers are faults of the target."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlsplit

from actions.base import Secret, TargetError
from actions.kinds.urls import HIDDEN, SECRET_MIN, check_base, masked, query_secrets
from actions.model import Intent
from actions.playbooks.playbook import TARGET_FIELDS, check_template, placeholders, render
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

Method = Literal["GET", "POST", "PUT", "PATCH"]
JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
RETRYABLE = frozenset({408, 425, 429})
AGENT = {"User-Agent": "tocsin"}
"""By which a target knows who calls; `access.headers` may say something else."""
MAX_ANSWER_BYTES = 1 << 20
MAX_QUOTED = 200
Signer = Callable[[bytes, str], Mapping[str, str]]
"""Headers that prove who sent a request, from its body and its idempotency key."""


class HttpError(TargetError):
    """The target answered with a status that is no success. retry_after_s: of its header `Retry-After`, None without.
    """

    def __init__(self, message: str, *, retryable: bool, status: int, retry_after_s: float | None = None) -> None:
        super().__init__(message, retryable=retryable)
        self.status = status
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a target. secret: sent as `<auth_scheme> <secret>` in `auth_header`. request_timeout_s: of one
    request.

    A secret over plain HTTP to another machine is refused unless `allow_plaintext`. Raises `ValueError`.
    """

    auth_header: str = "Authorization"
    auth_scheme: str = "Bearer"
    secret: Secret | None = None
    allow_plaintext: bool = False
    request_timeout_s: float = 3.0
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_number(self, "request_timeout_s", 0.001, 120.0)
        if not self.auth_header:
            raise ValueError(f"Access.auth_header: {self.auth_header!r}, expected the name of a header")

    def check_url(
        self, place: str, url: str | None, extra: tuple[str, ...] = (), *, is_base: bool = False,
        is_secret: bool = False,
    ) -> None:
        """Refuse a URL template that is not absolute HTTP, has unknown placeholders, or would expose the secret.

        is_base: paths are added to it, so it has no query. is_secret: it is not shown.
        """
        if url is None:
            return
        shown = "a URL that is not shown" if is_secret else repr(masked(url))
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "{" in parts.netloc:
            raise ValueError(f"{place}: {shown}, expected http(s)://host/... with a fixed host")
        if is_base:
            check_base(place, shown, url)
        if parts.username is not None or parts.password is not None:
            raise ValueError(f"{place}: a URL with credentials for {parts.hostname}, expected them as a secret")
        check_template(place, url, (*TARGET_FIELDS, "target", *extra), shown)
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if self.secret is not None and parts.scheme == "http" and not local and not self.allow_plaintext:
            raise ValueError(f"{place}: {shown} sends a secret in plain text, expected https (or allow_plaintext)")


def basic_secret(user: str, password: Secret) -> Secret:
    """What `Access` sends with `auth_scheme` Basic."""
    return Secret(base64.b64encode(f"{user}:{password.reveal()}".encode()).decode())


def check_method(place: str, method: str) -> None:
    """Refuse a method that does not write."""
    if method not in ("POST", "PUT", "PATCH"):
        raise ValueError(f"{place}: {method!r}, expected POST, PUT or PATCH")


class Http:
    """The client of one action. Redirects are not followed: they would carry the secret elsewhere.

    show_path: whether messages show a URL's path; False where the path is itself a secret. sign: adds headers to each
    request that has a body and a key.
    """

    def __init__(
        self, session: aiohttp.ClientSession, access: Access, *, show_path: bool = True, sign: Signer | None = None,
    ) -> None:
        self._session = session
        self._access = access
        self._show_path = show_path
        self._sign = sign

    def shown(self, url: str) -> str:
        """The URL for messages, without its query."""
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}{parts.path if self._show_path else ''}"

    def _quoted(self, answer: bytes, url: str) -> str:
        # A server may echo the request: path, query, headers and secret must not appear in a message by its answer.
        if not self._show_path:
            return ""
        secret = self._access.secret
        headers = [value for value in self._access.headers.values() if len(value) >= SECRET_MIN]
        hidden = {*query_secrets(url), *headers, *([secret.reveal()] if secret is not None and secret.reveal() else [])}
        shown = answer.decode(errors="replace")
        for text in sorted(hidden, key=len, reverse=True):
            shown = shown.replace(text, HIDDEN)
        return f": {shown[:MAX_QUOTED]}"

    async def call(
        self, method: Method, url: str, *, body: JsonValue = None, key: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> JsonValue:
        """Send one request; the JSON answer, or None if it is empty or not JSON. Raises `TargetError`, never retries.

        A status that is no success raises `HttpError`. key: sent as `Idempotency-Key`. Answers above 1 MiB are refused.
        """
        import aiohttp  # here, so that who only reads a configuration does not wait for it

        content = None if body is None or method == "GET" else json.dumps(body).encode()
        headers = self._headers(content, key)
        timeout = aiohttp.ClientTimeout(total=self._access.request_timeout_s)
        place = f"{method} {self.shown(url)}"
        try:
            async with self._session.request(
                method, url, data=content, params=query, headers=headers, timeout=timeout,
                allow_redirects=False,
            ) as response:
                answer = await _read(response, place)
                status, retry_after = response.status, response.headers.get("Retry-After", "")
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as fault:
            raise TargetError(f"{place}: not a URL that can be called", retryable=False) from fault
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            raise TargetError(f"{place}: {_cause(fault)}", retryable=True) from fault
        if not 200 <= status < 300:
            retryable = status >= 500 or status in RETRYABLE
            message = f"{place}: answered {status}{self._quoted(answer, url)}"
            wait_s = float(retry_after) if retry_after.isdecimal() else None
            raise HttpError(message, retryable=retryable, status=status, retry_after_s=wait_s)
        return _parse(answer)

    def _headers(self, content: bytes | None, key: str | None) -> dict[str, str]:
        headers = {**AGENT, **self._access.headers}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        if self._access.secret is not None:
            value = f"{self._access.auth_scheme} {self._access.secret.reveal()}".strip()
            headers[self._access.auth_header] = value
        if self._sign is not None and content is not None and key is not None:
            headers.update(self._sign(content, key))
        return headers


def _cause(fault: Exception) -> str:
    # The text of aiohttp's own errors may hold the URL; that of the system's does not.
    system = fault.strerror if isinstance(fault, OSError) else None
    return type(fault).__name__ if system is None else f"{type(fault).__name__}: {system}"


async def _read(response: aiohttp.ClientResponse, place: str) -> bytes:
    chunks, size = [], 0
    async for chunk in response.content.iter_chunked(1 << 16):
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise TargetError(f"{place}: answered more than {MAX_ANSWER_BYTES} bytes", retryable=False)
        chunks.append(chunk)
    return b"".join(chunks)


def _parse(answer: bytes) -> JsonValue:
    try:
        value: JsonValue = json.loads(answer)
    except ValueError:
        return None
    return value


def fill_url(template: str, intent: Intent, extra: Mapping[str, str] | None = None) -> str:
    """The URL for an intent. Values are percent-encoded: labels come from telemetry and must not change the path.

    Raises `TargetError`, not retryable, if the intent lacks a value.
    """
    values: dict[str, str | None] = {name: getattr(intent, name) for name in (*TARGET_FIELDS, "target")}
    values.update(extra or {})
    encoded = {name: None if value is None else _encode(value) for name, value in values.items()}
    url = render(template, encoded)
    if url is None:
        lacking = ", ".join(sorted(name for name in placeholders(template) if values.get(name) is None))
        raise TargetError(f"URL of {intent.kind}: the intent on {intent.target} lacks {lacking}", retryable=False)
    return url


def _encode(value: str) -> str:
    # Percent-encoding keeps "." and "..". URL parsers resolve them, so they would change the path.
    if value in (".", ".."):
        raise TargetError(f"label {value!r} cannot be part of a URL path", retryable=False)
    return quote(value, safe="")
