"""Roll a model back: move an alias of the MLflow model registry from the bad version to the last good one.

The bad version is the one that the incident names. The alias moves only if it still points to it. The bad version is
first tagged with the incident, so it is never chosen again. MLflow has no compare-and-set: between the last read and
the write (one round trip) another writer's change could be overwritten. The alias is read back, and a difference is
reported.

Crash: a key runs once. Duplicate: a second run of the same key finds its own tag and changes nothing.
Source: MLflow 3 REST API, `mlflow/store/model_registry/rest_store.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actions.base import Bounds, Done, Reading, Refusal, RunContext, TargetError
from actions.kinds.http import Access, Http, fill_url
from actions.kinds.models.registry import ModelRegistry, Version
from actions.model import Intent
from actions.playbooks.playbook import TARGET_FIELDS, check_template, render

if TYPE_CHECKING:
    import aiohttp


@dataclass(frozen=True, slots=True)
class RollbackParams:
    """tracking_url: of the MLflow server. model: template of the registered model's name. version_tag: the tag of a
    model version that holds its label in telemetry; without such a tag the label must be the version number. bad_tag:
    the tag of a bad version, set to the incident's id. reload_url: template of a URL to POST to after the alias moved.
    access: to the registry. reload_access: to the gateway. Raises `ValueError`.
    """

    tracking_url: str
    model: str = "{model}"
    alias: str = "champion"
    version_tag: str = "tocsin.version"
    bad_tag: str = "tocsin.incident"
    reload_url: str | None = None
    access: Access = field(default_factory=Access)
    reload_access: Access = field(default_factory=Access)
    bounds: Bounds = field(default_factory=lambda: Bounds(timeout_s=20.0))

    def __post_init__(self) -> None:
        self.access.check_url("RollbackParams.tracking_url", self.tracking_url, is_base=True)
        self.reload_access.check_url("RollbackParams.reload_url", self.reload_url)
        check_template("RollbackParams.model", self.model, TARGET_FIELDS)
        for name in ("alias", "version_tag", "bad_tag"):
            if not getattr(self, name):
                raise ValueError(f"RollbackParams.{name}: {getattr(self, name)!r}, expected a name")

    def build(self, session: aiohttp.ClientSession) -> Rollback:
        """The action. The caller closes the session."""
        return Rollback(self, session)


class Rollback:
    """See the module."""

    kind = "rollback"
    reversible = False
    holds = True

    def __init__(self, params: RollbackParams, session: aiohttp.ClientSession) -> None:
        self._params = params
        self._registry = ModelRegistry(Http(session, params.access), params.tracking_url)
        self._gateway = Http(session, params.reload_access)
        self.bounds = params.bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Tag, move, read back, reload. Raises `TargetError`, and `Refusal` if the alias moved or no good version is
        left.
        """
        params = self._params
        model, label = self._suspect(intent)
        if model is None or label is None:
            raise Refusal(f"rollback of {intent.target}: the intent names no model or no suspected version")
        current = await self._registry.alias(model, params.alias)
        versions = await self._registry.versions(model)
        bad = _resolve(versions, label, params.version_tag, model)
        if current != bad.number:
            if bad.tags.get(_moved_tag(params)) == f"{intent.key}:{current}":
                return await self._reloaded(intent, model, bad.number, current)
            raise Refusal(f"{model}@{params.alias} is already on v{current}, not on v{bad.number} ({label})")
        good = _choose(versions, bad, intent, params)
        if ctx.dry_run:
            return Done(f"would move {model}@{params.alias} from v{bad.number} to v{good.number}")
        await self._registry.tag(model, bad.number, params.bad_tag, intent.incident_id)
        await self._registry.tag(model, bad.number, _moved_tag(params), f"{intent.key}:{good.number}")
        await self._move(model, bad.number, good.number)
        return await self._reloaded(intent, model, bad.number, good.number)

    async def read_back(self, intent: Intent) -> Reading:
        """Whether the alias still points to the version that this key moved it to. Raises `TargetError`."""
        params = self._params
        model, label = self._suspect(intent)
        if model is None or label is None:
            return Reading(None, f"{intent.target}: the intent names no model or no suspected version")
        current = await self._registry.alias(model, params.alias)
        bad = _resolve(await self._registry.versions(model), label, params.version_tag, model)
        applied = bad.tags.get(_moved_tag(params)) == f"{intent.key}:{current}"
        return Reading(applied, f"{model}@{params.alias} is on v{current}")

    def _suspect(self, intent: Intent) -> tuple[str | None, str | None]:
        """The registered model's name and the label of the suspected version."""
        model = render(self._params.model, {name: getattr(intent, name) for name in TARGET_FIELDS})
        return model, intent.version

    async def _move(self, model: str, bad: int, good: int) -> None:
        alias = self._params.alias
        current = await self._registry.alias(model, alias)
        if current != bad:
            raise Refusal(f"{model}@{alias} moved to v{current} meanwhile, expected v{bad}")
        await self._registry.point(model, alias, good)
        found = await self._registry.alias(model, alias)
        if found != good:
            raise TargetError(f"{model}@{alias} reads v{found} after setting v{good}", retryable=False)

    async def _reloaded(self, intent: Intent, model: str, bad: int, good: int) -> Done:
        params = self._params
        moved = f"{model}@{params.alias} moved from v{bad} to v{good}"
        data = {"model": model, "alias": params.alias, "from_version": str(bad), "to_version": str(good)}
        if params.reload_url is None:
            return Done(moved, dict(data))
        url = fill_url(params.reload_url, intent)
        try:
            await self._gateway.call("POST", url, body={**data, "key": intent.key}, key=intent.key)
        except TargetError as fault:
            raise TargetError(f"{moved}, but the reload failed: {fault}", retryable=fault.retryable) from fault
        return Done(f"{moved}, gateway reloaded", dict(data))


def _moved_tag(params: RollbackParams) -> str:
    return f"{params.bad_tag}.rollback"


def _resolve(versions: list[Version], label: str, tag: str, model: str) -> Version:
    """The registry version with a label of telemetry; the newest if several have it."""
    tagged = [v for v in versions if v.tags.get(tag) == label]
    found = tagged or [v for v in versions if str(v.number) == label]
    if not found:
        raise TargetError(f"model {model}: no version with tag {tag}={label} or number {label}", retryable=False)
    return max(found, key=lambda v: v.number)


def _choose(versions: list[Version], bad: Version, intent: Intent, params: RollbackParams) -> Version:
    wanted = intent.params.get("to_version")
    if wanted is not None:
        label = f"{wanted:g}" if isinstance(wanted, float) else str(wanted)
        chosen = _resolve(versions, label, params.version_tag, bad.model)
        if chosen.number == bad.number or _is_bad(chosen, intent, params):
            raise Refusal(f"model {bad.model}: v{chosen.number} was asked for, but it raised an incident itself")
        return chosen
    good = [v for v in versions if v.number < bad.number and v.ready and not _is_bad(v, intent, params)]
    if not good:
        raise Refusal(f"model {bad.model}: no ready version older than v{bad.number} is free of incidents")
    return max(good, key=lambda v: v.number)


def _is_bad(version: Version, intent: Intent, params: RollbackParams) -> bool:
    """Whether a version raised an incident, by its tag or by the step's `params["bad_versions"]`."""
    named = {part.strip() for part in str(intent.params.get("bad_versions") or "").split(",")}
    return params.bad_tag in version.tags or version.tags.get(params.version_tag, str(version.number)) in named
