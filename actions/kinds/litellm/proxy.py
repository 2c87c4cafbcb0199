"""The management API of a LiteLLM proxy, as far as the actions need it: a deployment, a team or a key, and its fields.

Source: LiteLLM documentation, "Virtual keys", "Teams" and "Model management"; `litellm/proxy/management_endpoints`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from actions.base import TargetError
from actions.kinds.http import Http, JsonValue
from actions.kinds.json_template import pointed
from actions.model import Intent
from actions.playbooks.playbook import TARGET_FIELDS, check_template, render

Subject = Literal["model", "team", "key"]


@dataclass(frozen=True, slots=True)
class _Paths:
    """How the API names a subject. body: the field with its id in a request. read, query: where it is read. place: of
    the subject in the answer, as a JSON pointer.
    """

    body: str
    read: str
    query: str
    place: str


_PATHS: Mapping[Subject, _Paths] = {
    "model": _Paths("model_id", "/model/info", "litellm_model_id", "/data/0/model_info"),
    "team": _Paths("team_id", "/team/info", "team_id", "/team_info"),
    "key": _Paths("key", "/key/info", "key", "/info"),
}


@dataclass(frozen=True, slots=True)
class Named:
    """Which subject an intent means. id: template of the scope's fields. ids: from what the template gives to the id at
    the proxy; without it the text is the id.
    """

    subject: Subject
    id: str
    ids: Mapping[str, str]

    def check(self, place: str) -> None:
        """Raises `ValueError` for a template with unknown placeholders, and for a key that is not hashed."""
        check_template(f"{place}.id", self.id, TARGET_FIELDS)
        for label, value in self.ids.items():
            if not value or value.startswith("sk-"):
                expected = "the id at the proxy; of a key its hash, which /key/list shows as token"
                raise ValueError(f"{place}.ids.{label}: a secret or an empty text, expected {expected}")

    def of(self, intent: Intent) -> str:
        """The id. Raises `TargetError`, not retryable, where the intent lacks a label or the label has no id."""
        label = render(self.id, {field: getattr(intent, field) for field in TARGET_FIELDS})
        found = self.ids.get(label, label if not self.ids else None) if label is not None else None
        if found is None or found.startswith("sk-"):
            message = f"{intent.kind} of {intent.target}: {self.id} gives no known {self.subject}"
            raise TargetError(message, retryable=False)
        return found


class Proxy:
    """One proxy. Each call is one request and raises `TargetError`."""

    def __init__(self, http: Http, url: str) -> None:
        self._http = http
        self._url = url.rstrip("/")

    async def fields(self, subject: Subject, name: str) -> Mapping[str, JsonValue]:
        """What the proxy knows of a subject; not retryable if it does not exist."""
        paths = _PATHS[subject]
        found = pointed(await self._http.call("GET", self._url + paths.read, query={paths.query: name}), paths.place)
        if not isinstance(found, dict):
            raise TargetError(f"GET {self._url}{paths.read}: no {subject} {name} is known", retryable=False)
        return found

    async def send(self, subject: Subject, verb: str, name: str, values: Mapping[str, JsonValue], key: str) -> None:
        """POST `/SUBJECT/VERB` for a subject."""
        body: dict[str, JsonValue] = {_PATHS[subject].body: name, **values}
        await self._http.call("POST", f"{self._url}/{subject}/{verb}", body=body, key=key)
