"""All kinds of actions in one table: the name in a playbook, and the params class that builds the action."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from actions.base import Action
from actions.kinds.data.cache_invalidate import CacheInvalidateParams
from actions.kinds.data.cache_version import CacheVersionParams
from actions.kinds.data.index_switch import IndexSwitchParams
from actions.kinds.flags.feature_flag import FeatureFlagParams
from actions.kinds.gateway.circuit_breaker import CircuitBreakerParams
from actions.kinds.gateway.throttle import ThrottleParams
from actions.kinds.gateway.token_cap import TokenCapParams
from actions.kinds.gateway.traffic import TrafficParams
from actions.kinds.kubernetes.argo_rollback import ArgoRollbackParams
from actions.kinds.kubernetes.deployment_rollback import DeploymentRollbackParams
from actions.kinds.kubernetes.kserve_rollback import KserveRollbackParams
from actions.kinds.kubernetes.route_weight import RouteWeightParams
from actions.kinds.kubernetes.scale import ScaleParams
from actions.kinds.litellm.block import LitellmBlockParams
from actions.kinds.litellm.limits import LitellmLimitsParams
from actions.kinds.models.rollback import RollbackParams
from actions.kinds.records.preserve_evidence import PreserveEvidenceParams
from actions.kinds.records.quarantine import QuarantineParams
from actions.kinds.webhooks.notify import NotifyParams
from actions.kinds.webhooks.trigger import TriggerParams
from actions.kinds.webhooks.webhook import WebhookParams
from actions.records import NeedsServices, Services

if TYPE_CHECKING:
    import aiohttp


class ActionParams(Protocol):
    """The interface of params classes."""

    def build(self, session: aiohttp.ClientSession) -> Action:
        """The action. The caller closes the session. Raises `UnusableAction` naming an extra that is not installed."""


CATALOGUE: Mapping[str, type[Any]] = {
    "circuit_breaker": CircuitBreakerParams,
    "rollback": RollbackParams,
    "deployment_rollback": DeploymentRollbackParams,
    "argo_rollback": ArgoRollbackParams,
    "kserve_rollback": KserveRollbackParams,
    "scale": ScaleParams,
    "route_weight": RouteWeightParams,
    "throttle": ThrottleParams,
    "token_cap": TokenCapParams,
    "traffic": TrafficParams,
    "litellm_block": LitellmBlockParams,
    "litellm_limits": LitellmLimitsParams,
    "feature_flag": FeatureFlagParams,
    "index_switch": IndexSwitchParams,
    "cache_invalidate": CacheInvalidateParams,
    "cache_version": CacheVersionParams,
    "quarantine": QuarantineParams,
    "preserve_evidence": PreserveEvidenceParams,
    "webhook": WebhookParams,
    "trigger": TriggerParams,
    "notify": NotifyParams,
}


def build(
    params: Iterable[ActionParams], session: aiohttp.ClientSession, services: Services | None = None,
) -> dict[str, Action]:
    """The executor's table, kind -> action. services: what this process gives to actions beside the session.

    Raises `ValueError` if two params are of one kind, and `UnusableAction` where an optional library is missing.
    """
    actions: dict[str, Action] = {}
    for one in params:
        action = one.build(session)
        if action.kind in actions:
            raise ValueError(f"actions: {action.kind!r} is configured twice, expected once")
        if isinstance(action, NeedsServices):
            action.attach(services or Services())
        actions[action.kind] = action
    return actions
