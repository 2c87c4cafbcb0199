"""A Kubernetes API server: where it is, how to log in, and the requests that actions send to it.

Requests go through `kubernetes_asyncio`, an optional library. Token and CA are read again for each run, since the
kubelet replaces the token of a pod every hour.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal

from actions.base import TargetError
from actions.kinds.http import RETRYABLE, Access, JsonValue
from actions.kinds.urls import masked
from actions.model import Intent
from actions.playbooks.playbook import TARGET_FIELDS, check_template, render
from actions.validation import check_number

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
PatchType = Literal["application/json-patch+json", "application/merge-patch+json"]
Object = dict[str, JsonValue]
CONFLICT = 409
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


class ApiError(TargetError):
    """The API server answered with a status that is no success. status: the HTTP status."""

    def __init__(self, message: str, *, retryable: bool, status: int) -> None:
        super().__init__(message, retryable=retryable)
        self.status = status


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the API server is. api_url: None takes that of the pod's own cluster. bearer_file, ca_file: paths of the
    token and of the CA in PEM, by default those of the pod's service account. ca_file None: the system's CAs.
    request_timeout_s: of one request. Raises `ValueError`.
    """

    api_url: str | None = None
    bearer_file: str = f"{ACCOUNT}/token"
    ca_file: str | None = f"{ACCOUNT}/ca.crt"
    request_timeout_s: float = 5.0

    def __post_init__(self) -> None:
        check_number(self, "request_timeout_s", 0.001, 120.0)
        Access().check_url("Cluster.api_url", self.api_url, is_base=True)
        local = ("http://localhost", "http://127.0.0.1", "http://[::1]")
        if self.api_url is not None and self.api_url.startswith("http:") and not self.api_url.startswith(local):
            raise ValueError(f"Cluster.api_url: {masked(self.api_url)!r} sends a token in plain text, expected https")

    def url(self) -> str:
        """The URL of the API server. Raises `TargetError` outside of a cluster without `api_url`."""
        if self.api_url is not None:
            return self.api_url.rstrip("/")
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            message = "cluster.api_url: none, and KUBERNETES_SERVICE_HOST is not set, expected one of both"
            raise TargetError(message, retryable=False)
        return f"https://{f'[{host}]' if ':' in host else host}:{port}"


@dataclass(frozen=True, slots=True)
class ObjectName:
    """Templates of the namespace and the name of an object, of the scope's fields."""

    namespace: str
    name: str

    def check(self, place: str) -> None:
        """Raises `ValueError` for a template with unknown placeholders."""
        check_template(f"{place}.namespace", self.namespace, TARGET_FIELDS)
        check_template(f"{place}.name", self.name, TARGET_FIELDS)

    def path(self, intent: Intent, group: str, plural: str) -> str:
        """The object's path at the API server. Raises `TargetError` where the intent gives no valid name."""
        values = {field: getattr(intent, field) for field in TARGET_FIELDS}
        namespace, name = (render(template, values) for template in (self.namespace, self.name))
        for value in (namespace, name):
            if value is None or _NAME.fullmatch(value) is None:
                message = f"{intent.kind} of {intent.target}: {value!r}, expected a name of a Kubernetes object"
                raise TargetError(message, retryable=False)
        return f"{collection(group, namespace, plural)}/{name}"


def collection(group: str, namespace: str | None, plural: str) -> str:
    """The path of a kind of object in a namespace."""
    return f"/apis/{group}/namespaces/{namespace}/{plural}"


class Api:
    """The requests of one run. Never retries."""

    def __init__(self, client: Any, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        """An object, or a list of objects. Raises `TargetError`, `ApiError` for a status that is no success."""
        return await self._call("GET", path, list((query or {}).items()), None, "application/json")

    async def patch(self, path: str, body: JsonValue, content_type: PatchType) -> Object:
        """Change an object; the object as it is then. Raises `TargetError`, retryable where it changed meanwhile."""
        return await self._call("PATCH", path, [], body, content_type)

    async def _call(
        self, method: str, path: str, query: list[tuple[str, str]], body: JsonValue, content_type: str,
    ) -> Object:
        import aiohttp  # here, so that who only reads a configuration does not wait for it

        place = f"{method} {path}"
        headers = {"Accept": "application/json", "Content-Type": content_type}
        try:
            answer = await self._client.call_api(
                path, method, query_params=query, header_params=headers, body=body, auth_settings=["BearerToken"],
                response_types_map={200: "object"}, _return_http_data_only=True, _request_timeout=self._timeout_s,
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            retryable = not isinstance(fault, aiohttp.ClientSSLError)
            raise TargetError(f"{place}: {type(fault).__name__}", retryable=retryable) from fault
        except Exception as fault:
            raise _api_error(place, fault) from fault
        if not isinstance(answer, dict):
            raise TargetError(f"{place}: answered no object, as Kubernetes would", retryable=False)
        return answer


@asynccontextmanager
async def connected(library: ModuleType, cluster: Cluster) -> AsyncIterator[Api]:
    """A connection for one run. Raises `TargetError` where token or CA cannot be read."""
    try:
        client = _client(library, cluster)
    except OSError as fault:
        place = fault.filename or cluster.ca_file
        raise TargetError(f"{place}: {fault.strerror}, expected a readable file", retryable=False) from fault
    try:
        yield Api(client, cluster.request_timeout_s)
    finally:
        await client.close()


def _client(library: ModuleType, cluster: Cluster) -> Any:
    token = Path(cluster.bearer_file).read_text(encoding="utf-8").strip()
    configuration = library.Configuration(host=cluster.url(), ssl_ca_cert=cluster.ca_file)
    configuration.api_key = {"BearerToken": token}
    configuration.api_key_prefix = {"BearerToken": "Bearer"}
    return library.ApiClient(configuration)


def _api_error(place: str, fault: Exception) -> Exception:
    status = getattr(fault, "status", None)
    if not isinstance(status, int):
        return fault
    retryable = status >= 500 or status in RETRYABLE or status == CONFLICT
    return ApiError(f"{place}: answered {status}{_message(fault)}", retryable=retryable, status=status)


def _message(fault: Exception) -> str:
    """The sentence of the API server's `Status` object, if it is one."""
    try:
        status = json.loads(str(getattr(fault, "body", "")))
    except ValueError:
        return ""
    return f": {str(status.get('message'))[:200]}" if isinstance(status, dict) else ""
