"""Resource attributes and labels of many conventions to service, model, version, replica and tenant.

No other label is read: keys of users, addresses of clients and free text never enter. The first of the names below that
has a value counts. Names that the operator configured come before them, then those of the serving stack itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from streams.intake.aggregated.aliases import Stack
from streams.intake.columns import Labels

Label = Literal["service", "model", "version", "replica", "tenant"]
LabelOverrides = Mapping[Label, Sequence[str]]

POD = (
    "exported_pod", "k8s_pod_name", "exported_instance", "pod", "pod_name", "kubernetes_pod_name", "k8s.pod.name",
    "service_instance_id", "service.instance.id", "instance", "host_name", "host.name",
)
"""What names the process that was measured. `exported_` is what Prometheus makes of labels that its target brings: then
`pod` and `instance` name a collector in between, and so does `pod` beside a `k8s_pod_name`."""
COPIES = ("prometheus_replica", "receive_replica", "rule_replica", "thanos_replica", "__replica__", "replica")
"""By which two collectors of a pair tell apart what both of them scraped: external labels of Prometheus, as Thanos,
Mimir and Cortex ask for them. Of these only `replica` may also be a label of the target."""

NAMES: Mapping[Label, tuple[str, ...]] = MappingProxyType({
    "service": ("service.name", "service_name", "exported_job", "job", "application"),
    "model": (
        "gen_ai.request.model", "gen_ai_request_model", "model_name", "requested_model", "model_group",
        "litellm_model_name", "model", "gen_ai.response.model", "gen_ai_response_model", "deployment",
    ),
    "version": (
        "model_version", "version", "gen_ai.response.model", "gen_ai_response_model", "service.version",
        "service_version",
    ),
    "replica": (*POD, "replica"),
    # The last one is also an external label of Thanos Receive, whose value is the same for all.
    "tenant": ("tenant", "tenant.id", "team_alias", "team", "tenant_id"),
})
"""Both as OpenTelemetry writes them and as they come out of Prometheus. A collector writes the job of a scrape into
`service.name` and its instance into `service.instance.id`."""

OWN: Mapping[Stack, LabelOverrides] = MappingProxyType({
    "ray_serve": {"replica": ("replica",)},  # one exporter, and so one `instance`, for all replicas of a node
    "vllm_router": {"replica": ("server",)},  # the engine that a router speaks of
})
"""Labels that a serving stack writes itself."""

ENGINE = ("engine", "dp_rank")
"""Engines of one instance; the first one, 0, keeps the instance's name."""


def labels_of(
    attributes: Mapping[str, str], overrides: LabelOverrides = MappingProxyType({}), stack: Stack = "unknown",
) -> Labels:
    """The labels of a series; service is empty where no attribute names one. stack: whose metric it is."""
    own = OWN.get(stack, {})
    found = {
        label: _first(attributes, (*overrides.get(label, ()), *own.get(label, ()), *names))
        for label, names in NAMES.items()
    }
    engine = _first(attributes, ENGINE)
    replica = found["replica"]
    if engine is not None and engine != "0":
        replica = engine if replica is None else f"{replica}/{engine}"
    version = found["version"] if found["version"] != found["model"] else None
    return Labels(found["service"] or "", found["model"], version, replica, found["tenant"])


def without_copies(
    attributes: Mapping[str, str], overrides: LabelOverrides = MappingProxyType({}), stack: Stack = "unknown",
) -> dict[str, str]:
    """The attributes that tell one series from another: what a pair of collectors scraped twice is one series.

    Of a metric of no known stack all are kept: its `replica` may be its own. So is a label that names the replica.
    """
    own = (*overrides.get("replica", ()), *OWN.get(stack, {}).get("replica", ()))
    if stack == "unknown" or _first(attributes, POD) is None:
        return dict(attributes)
    return {name: value for name, value in attributes.items() if name in own or name not in COPIES}


def _first(attributes: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((value for name in names if (value := attributes.get(name))), None)
