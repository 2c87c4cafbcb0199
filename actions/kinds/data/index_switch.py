"""Switch an index or knowledge base to its last good version: move an alias of OpenSearch; the undo moves it back.

The alias must point to one index, the bad one. The good one is the step's `params["to_index"]`, or the newest of the
same prefix that is older. It must be ready and hold documents, and have raised no incident. One request moves the alias
and marks the bad index by two more aliases: that it is bad, and for which incident. OpenSearch does all of it or
nothing, so the undo needs no memory of its own.

Crash: a key runs once. Duplicate: a second run finds the alias moved by its incident.
Source: OpenSearch 2 documentation, "Aliases API" and "CAT indices".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from actions.base import Bounds, Done, Reading, Refusal, RunContext, TargetError
from actions.kinds.http import Access, Http, HttpError, JsonValue
from actions.kinds.json_template import pointed
from actions.model import Intent
from actions.playbooks.playbook import TARGET_FIELDS, check_template, render
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

NOT_FOUND = 404
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_VERSIONED = re.compile(r"(.+?)[-_.]v?\d[\d.]*")


@dataclass(frozen=True, slots=True)
class IndexSwitchParams:
    """url: of the cluster. alias: template of the alias. min_documents: that the good index must hold, 0 to 10^12.
    Raises `ValueError`.
    """

    url: str
    alias: str = "{service}"
    min_documents: int = 1
    access: Access = field(default_factory=Access)
    bounds: Bounds = field(default_factory=lambda: Bounds(timeout_s=20.0))

    def __post_init__(self) -> None:
        self.access.check_url("IndexSwitchParams.url", self.url, is_base=True)
        check_template("IndexSwitchParams.alias", self.alias, TARGET_FIELDS)
        check_number(self, "min_documents", 0, 1_000_000_000_000)

    def build(self, session: aiohttp.ClientSession) -> IndexSwitch:
        """The action. The caller closes the session."""
        return IndexSwitch(self, session)


class IndexSwitch:
    """See the module."""

    kind = "index_switch"
    reversible = True
    holds = True

    def __init__(self, params: IndexSwitchParams, session: aiohttp.ClientSession) -> None:
        self._params = params
        self._http = Http(session, params.access)
        self._url = params.url.rstrip("/")
        self.bounds = params.bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Choose, move the alias, read back. Raises `TargetError`, and `Refusal` if the alias is elsewhere or no good
        index is left.
        """
        alias = self._alias(intent)
        current, properties = await self._current(alias)
        left = await self._left(alias, intent)
        if intent.undo and left is None:
            return Done(f"the alias {alias} was not moved for {intent.incident_id}, so there is nothing to undo")
        if not intent.undo and left is not None:
            return Done(f"the alias {alias} moved from {left} to {current}", {"from": left, "to": current})
        to = left if left is not None else await self._choose(alias, current, intent)
        detail, data = f"the alias {alias} moved from {current} to {to}", {"from": current, "to": to}
        if ctx.dry_run:
            return Done(f"would be: {detail}", dict(data))
        marked, verb = (to, "remove") if intent.undo else (current, "add")
        marks: list[JsonValue] = [
            {verb: {"index": marked, "alias": name}} for name in (_bad(alias), _for(alias, intent))
        ]
        await self._move(alias, current, {"index": to, "alias": alias, **properties}, marks, intent)
        found, _ = await self._current(alias)
        if found != to:
            raise TargetError(f"the alias {alias} points to {found} after it was moved to {to}", retryable=True)
        return Done(detail, dict(data))

    async def read_back(self, intent: Intent) -> Reading:
        """Whether the alias is away from the index that this incident moved it from. Raises `TargetError`."""
        alias = self._alias(intent)
        current, _ = await self._current(alias)
        left = await self._left(alias, intent)
        return Reading(left is not None and left != current, f"the alias {alias} points to {current}")

    def _alias(self, intent: Intent) -> str:
        found = render(self._params.alias, {name: getattr(intent, name) for name in TARGET_FIELDS})
        if found is None or _NAME.fullmatch(found) is None:
            message = f"index_switch of {intent.target}: {found!r}, expected the name of an alias"
            raise TargetError(message, retryable=False)
        return found

    async def _current(self, alias: str) -> tuple[str, Mapping[str, JsonValue]]:
        """The one index that the alias points to, and the alias's properties (filter, routing, write index)."""
        found = await self._get(f"/_alias/{_part(alias)}")
        if len(found) != 1:
            raise Refusal(f"the alias {alias} points to {len(found)} indices, expected one")
        index = next(iter(found))
        properties = pointed(found, f"/{index}/aliases/{alias}")
        return index, properties if isinstance(properties, dict) else {}

    async def _marked(self, mark: str) -> list[str]:
        """The indices with a mark; none where nothing has it."""
        try:
            return list(await self._get(f"/_alias/{_part(mark)}"))
        except HttpError as fault:
            if fault.status == NOT_FOUND:
                return []
            raise

    async def _left(self, alias: str, intent: Intent) -> str | None:
        """The index that this incident moved the alias away from; None if it did not."""
        return next(iter(await self._marked(_for(alias, intent))), None)

    async def _choose(self, alias: str, current: str, intent: Intent) -> str:
        """The checkpoint before: the good index exists, is ready, and raised no incident."""
        if intent.version is not None and not current.endswith(intent.version):
            raise Refusal(f"the alias {alias} points to {current}, not to one of version {intent.version}")
        bad = {part.strip() for part in str(intent.params.get("bad_indices") or "").split(",")} | {current}
        bad |= set(await self._marked(_bad(alias)))
        wanted, versioned = intent.params.get("to_index"), _VERSIONED.fullmatch(current)
        if wanted is not None and str(wanted) in bad:
            raise Refusal(f"{wanted} was asked for, but it raised an incident itself")
        if wanted is None and versioned is None:
            raise Refusal(f"{current} ends in no version, expected params.to_index")
        pattern = str(wanted) if versioned is None or wanted is not None else f"{versioned.group(1)}*"
        rows = await self._rows(pattern, current)
        made_ms = {str(row.get("index")): _number(row.get("creation.date")) for row in rows}
        good = [
            str(row.get("index")) for row in rows
            if self._is_ready(row) and str(row.get("index")) not in bad
            and (wanted is not None or made_ms[str(row.get("index"))] < made_ms.get(current, 0.0))
        ]
        if not good:
            raise Refusal(f"no index {wanted or f'older than {current}'} is ready and free of incidents")
        return max(good, key=lambda name: made_ms[name])

    async def _rows(self, pattern: str, current: str) -> list[dict[str, JsonValue]]:
        names = ",".join(quote(name, safe="*") for name in (pattern, current))
        query = {"format": "json", "h": "index,health,docs.count,creation.date"}
        rows = await self._http.call("GET", f"{self._url}/_cat/indices/{names}", query=query)
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def _is_ready(self, row: Mapping[str, JsonValue]) -> bool:
        return row.get("health") in ("green", "yellow") and _number(row.get("docs.count")) >= self._params.min_documents

    async def _move(
        self, alias: str, source: str, to: dict[str, JsonValue], marks: list[JsonValue], intent: Intent,
    ) -> None:
        remove: JsonValue = {"remove": {"index": source, "alias": alias, "must_exist": True}}
        try:
            body: JsonValue = {"actions": [remove, {"add": to}, *marks]}
            await self._http.call("POST", f"{self._url}/_aliases", body=body, key=intent.key)
        except HttpError as fault:
            if fault.status == NOT_FOUND:
                raise Refusal(f"the alias {alias} left {source} meanwhile, or an index is gone") from fault
            raise

    async def _get(self, path: str) -> dict[str, JsonValue]:
        answer = await self._http.call("GET", self._url + path)
        if not isinstance(answer, dict):
            raise TargetError(f"GET {self._url}{path}: answered no object, as OpenSearch would", retryable=False)
        return answer


def _bad(alias: str) -> str:
    return f"tocsin-bad.{alias}"


def _for(alias: str, intent: Intent) -> str:
    return f"tocsin.{alias}.{re.sub(r'[^a-z0-9-]', '_', intent.incident_id.lower())}"


def _part(name: str) -> str:
    return quote(name, safe="")


def _number(value: JsonValue) -> float:
    return float(str(value)) if re.fullmatch(r"\d+", str(value)) else 0.0
