"""Limit the tokens and requests per minute of a team or a key at a LiteLLM proxy; the undo sets the normal limits.

Crash: a key runs once. Duplicate: the request states the wanted limits, so repeating it is harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from actions.base import Bounds, Done, Reading, RunContext, TargetError
from actions.kinds.http import Access, Http, JsonValue
from actions.kinds.litellm.proxy import Named, Proxy
from actions.model import Intent
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

FIELDS = ("tpm_limit", "rpm_limit")
LIMIT_MAX = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """Limits per minute. tpm_limit: tokens; rpm_limit: requests. None leaves the proxy's limit as it is."""

    tpm_limit: int | None = None
    rpm_limit: int | None = None

    def given(self) -> dict[str, int]:
        """The limits that are not None."""
        return {name: getattr(self, name) for name in FIELDS if getattr(self, name) is not None}


@dataclass(frozen=True, slots=True)
class LitellmLimitsParams:
    """url: of the proxy. limited: the limits to set; a step's `params["tpm_limit"]` and `params["rpm_limit"]` override
    them. normal: the limits that the undo sets, of the same names. subject, id, ids: whose, as in `litellm_block`.
    Raises `ValueError`.
    """

    url: str
    limited: Rates
    normal: Rates
    subject: Literal["team", "key"] = "team"
    id: str = "{tenant}"
    ids: Mapping[str, str] = field(default_factory=dict)
    access: Access = field(default_factory=Access)
    bounds: Bounds = field(default_factory=Bounds)

    def __post_init__(self) -> None:
        self.access.check_url("LitellmLimitsParams.url", self.url, is_base=True)
        if self.subject not in ("team", "key"):
            raise ValueError(f"LitellmLimitsParams.subject: {self.subject!r}, expected team or key")
        Named(self.subject, self.id, self.ids).check("LitellmLimitsParams")
        limited, normal = self.limited.given(), self.normal.given()
        if not limited or limited.keys() != normal.keys():
            raise ValueError(f"LitellmLimitsParams.normal: {self.normal}, expected the limits that limited names")
        for name, value in limited.items():
            check_number(self.normal, name, 1, LIMIT_MAX)
            if not 1 <= value < normal[name]:
                raise ValueError(f"LitellmLimitsParams.limited.{name}: {value!r}, expected 1 to less than normal")

    def build(self, session: aiohttp.ClientSession) -> LitellmLimits:
        """The action. The caller closes the session."""
        return LitellmLimits(self, session)


class LitellmLimits:
    """See the module."""

    kind = "litellm_limits"
    reversible = True
    holds = True

    def __init__(self, params: LitellmLimitsParams, session: aiohttp.ClientSession) -> None:
        self._params = params
        self._named = Named(params.subject, params.id, params.ids)
        self._proxy = Proxy(Http(session, params.access), params.url)
        self.bounds = params.bounds

    async def run(self, intent: Intent, ctx: RunContext) -> Done:
        """Set the limits and read them back. Raises `TargetError`, not retryable for a limit out of range."""
        subject, name = self._named.subject, self._named.of(intent)
        asked = self._asked(intent)
        wanted = self._params.normal.given() if intent.undo else asked
        text = ", ".join(f"{field} {value}" for field, value in wanted.items())
        if ctx.dry_run:
            await self._proxy.fields(subject, name)
            return Done(f"would set {text} of {subject} {name}")
        await self._proxy.send(subject, "update", name, dict(wanted), intent.key)
        found = await self._limits(name)
        if found != wanted:
            raise TargetError(f"{subject} {name} has {found} after {wanted} were set", retryable=True)
        return Done(f"{subject} {name} set to {text}", {"subject": subject, "id": name, **wanted})

    async def read_back(self, intent: Intent) -> Reading:
        """Whether the limits are those of the step. Raises `TargetError`."""
        name = self._named.of(intent)
        found = await self._limits(name)
        return Reading(found == self._asked(intent), f"{self._named.subject} {name} has {found}")

    async def _limits(self, name: str) -> dict[str, JsonValue]:
        fields = await self._proxy.fields(self._named.subject, name)
        return {limit: fields.get(limit) for limit in self._params.limited.given()}

    def _asked(self, intent: Intent) -> dict[str, int]:
        asked = {}
        for name, value in self._params.limited.given().items():
            found = intent.params.get(name, value)
            normal = self._params.normal.given()[name]
            if isinstance(found, bool) or not isinstance(found, int | float) or not 1 <= found <= normal:
                expected = f"a number from 1 to {normal}"
                raise TargetError(f"{self.kind}: {name} {found!r}, expected {expected}", retryable=False)
            asked[name] = int(found)
        return asked
