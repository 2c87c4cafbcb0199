"""Switch a feature flag in a file that flagd reads; the undo switches it back.

The flag's `defaultVariant` becomes the variant of the step. What it was before is noted in the flag's own metadata, so
that the undo needs no memory of its own. If somebody else has switched the flag meanwhile, the undo is refused. One
incident at a time switches a flag.

Crash: a key runs once, and the file is replaced in one step. Duplicate: a second run finds its own note.
Source: flagd documentation, "Flag definitions" (schema version 0) and "Syncs: file".
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actions.base import Bounds, Done, Reading, Refusal, RunContext, TargetError
from actions.kinds.flags.json_file import JsonFile
from actions.kinds.http import JsonValue
from actions.model import Intent
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

NOTES = ("tocsin.key", "tocsin.incident", "tocsin.before", "tocsin.variant")


@dataclass(frozen=True, slots=True)
class FeatureFlagParams:
    """path: of the JSON file. flag, variant: what to switch, where a step's `params["flag"]` and
    `params["variant"]` say nothing. lock_timeout_s: how long to wait for another writer. Raises `ValueError`.
    """

    path: str
    flag: str | None = None
    variant: str | None = None
    lock_timeout_s: float = 2.0
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        check_number(self, "lock_timeout_s", 0.0, 60.0)
        if not self.path.endswith(".json"):
            raise ValueError(f"FeatureFlagParams.path: {self.path!r}, expected a file that ends in .json")

    def build(self, _session: aiohttp.ClientSession) -> FeatureFlag:
        """The action."""
        return FeatureFlag(self)


class FeatureFlag:
    """See the module."""

    kind = "feature_flag"
    reversible = True
    holds = True

    def __init__(self, params: FeatureFlagParams) -> None:
        self._params = params
        self._file = JsonFile(params.path, params.lock_timeout_s)
        self.bounds = params.bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Switch and read back. Raises `TargetError`, and `Refusal` if the flag is not what the decision assumed."""
        name = self._name(intent)
        done: list[Done] = []

        def change(content: dict[str, JsonValue]) -> bool:
            flag = _flag(content, name)
            before = dict(flag)
            if intent.undo:
                done.append(_undo(name, flag, intent))
            else:
                done.append(_switch(name, flag, intent, self._variant(intent)))
            return flag != before and not ctx.dry_run

        await asyncio.to_thread(self._file.change, change)
        if ctx.dry_run:
            return Done(f"would: {done[0].detail}", done[0].data)
        return done[0]

    async def read_back(self, intent: Intent) -> Reading:
        """Whether the flag has the variant that this incident gave it. Raises `TargetError`."""
        name = self._name(intent)
        flag = _flag(await asyncio.to_thread(self._file.read), name)
        note = _metadata(flag)
        variant = flag.get("defaultVariant")
        is_ours = note.get("tocsin.incident") == intent.incident_id and note.get("tocsin.variant") == variant
        return Reading(is_ours and variant is not None, f"flag {name} has the variant {variant!r}")

    def _name(self, intent: Intent) -> str:
        return _text(intent, "flag", self._params.flag)

    def _variant(self, intent: Intent) -> str:
        return _text(intent, "variant", self._params.variant)


def _text(intent: Intent, name: str, default: str | None) -> str:
    found = intent.params.get(name, default)
    if not isinstance(found, str) or not found:
        raise TargetError(f"feature_flag: params.{name} is {found!r}, expected a name", retryable=False)
    return found


def _flag(content: dict[str, JsonValue], name: str) -> dict[str, JsonValue]:
    flags = content.get("flags")
    flag = flags.get(name) if isinstance(flags, dict) else None
    if not isinstance(flag, dict):
        raise TargetError(f"flag {name}: not in the file, expected it under flags", retryable=False)
    return flag


def _metadata(flag: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    found = flag.get("metadata")
    return dict(found) if isinstance(found, dict) else {}


def _switch(name: str, flag: dict[str, JsonValue], intent: Intent, variant: str) -> Done:
    note, current, variants = _metadata(flag), flag.get("defaultVariant"), flag.get("variants")
    detail = f"flag {name} switched to {variant}"
    if not isinstance(variants, dict) or variant not in variants:
        known = ", ".join(variants) if isinstance(variants, dict) else "none"
        raise TargetError(f"flag {name}: no variant {variant}, expected one of {known}", retryable=False)
    if note.get("tocsin.key") == intent.key and current == variant:
        return Done(detail, {"flag": name, "variant": variant})
    if "tocsin.key" in note:
        raise Refusal(f"flag {name} is switched for incident {note.get('tocsin.incident')}, expected one at a time")
    if flag.get("state") != "ENABLED":
        raise Refusal(f"flag {name} is {flag.get('state')}, expected ENABLED")
    if flag.get("targeting"):
        raise Refusal(f"flag {name} has targeting rules, expected one whose default variant decides alone")
    if current == variant:
        raise Refusal(f"flag {name} has the variant {variant} already")
    values = (intent.key, intent.incident_id, str(current), variant)
    flag["metadata"] = {**note, **dict(zip(NOTES, values, strict=True))}
    flag["defaultVariant"] = variant
    return Done(detail, {"flag": name, "variant": variant, "before": str(current)})


def _undo(name: str, flag: dict[str, JsonValue], intent: Intent) -> Done:
    note, current = _metadata(flag), flag.get("defaultVariant")
    if "tocsin.key" not in note:
        return Done(f"flag {name} is not switched, so there is nothing to undo")
    if note.get("tocsin.incident") != intent.incident_id:
        raise Refusal(f"flag {name} is switched for incident {note.get('tocsin.incident')}, not {intent.incident_id}")
    if current != note.get("tocsin.variant"):
        raise Refusal(f"flag {name} was switched to {current} by somebody else: it stays as it is")
    before = note.get("tocsin.before")
    kept = {field: value for field, value in note.items() if field not in NOTES}
    if kept:
        flag["metadata"] = kept
    else:
        flag.pop("metadata", None)
    flag["defaultVariant"] = before
    return Done(f"flag {name} switched back to {before}", {"flag": name, "variant": str(before)})
