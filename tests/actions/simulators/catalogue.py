"""Which simulator stands for which kind of action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial

from actions.checks import TargetSimulator
from tests.actions.simulators.clusters import (
    ArgoSimulator,
    DeploymentSimulator,
    KserveSimulator,
    RouteSimulator,
    ScaleSimulator,
)
from tests.actions.simulators.flag_file import flag_file
from tests.actions.simulators.gateway import BreakerSimulator, ThrottleSimulator, TokenCapSimulator, TrafficSimulator
from tests.actions.simulators.http_target import HttpSimulator, running
from tests.actions.simulators.litellm import LitellmBlockSimulator, LitellmLimitsSimulator
from tests.actions.simulators.opensearch import OpenSearchSimulator
from tests.actions.simulators.record_store import EvidenceSimulator, QuarantineSimulator, records
from tests.actions.simulators.redis_cache import CacheInvalidateSimulator, CacheVersionSimulator, cache
from tests.actions.simulators.registry import RollbackSimulator
from tests.actions.simulators.webhooks import NotifySimulator, TriggerSimulator, WebhookSimulator

OVER_HTTP: tuple[type[HttpSimulator], ...] = (
    BreakerSimulator, ThrottleSimulator, TokenCapSimulator, TrafficSimulator, RollbackSimulator, NotifySimulator,
    TriggerSimulator, WebhookSimulator, DeploymentSimulator, ArgoSimulator, KserveSimulator, ScaleSimulator,
    RouteSimulator, LitellmBlockSimulator, LitellmLimitsSimulator, OpenSearchSimulator,
)
SIMULATORS: Mapping[str, Callable[[], AbstractAsyncContextManager[TargetSimulator]]] = {
    **{simulator.kind: partial(running, simulator) for simulator in OVER_HTTP},
    "feature_flag": flag_file,
    "quarantine": partial(records, QuarantineSimulator),
    "preserve_evidence": partial(records, EvidenceSimulator),
    "cache_invalidate": partial(cache, CacheInvalidateSimulator),
    "cache_version": partial(cache, CacheVersionSimulator),
}
