"""Resource attributes and labels of many conventions to service, model, version, replica and tenant.

No other label is read: keys of users, addresses of clients and free text never enter. The first of the names below that
has a value counts. Names that the operator configured come before them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from streams.intake.columns import Labels

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
    "replica": (
        "replica", "k8s.pod.name", "k8s_pod_name", "pod", "service.instance.id", "service_instance_id", "instance",
        "host.name", "host_name",
    ),
    "tenant": ("tenant", "tenant.id", "tenant_id", "team_alias", "team"),
})
"""Both as OpenTelemetry writes them and as they come out of Prometheus. A collector writes the job of a scrape into
`service.name` and its instance into `service.instance.id`."""

ENGINE = ("engine", "dp_rank")
"""Engines of one instance; the first one, 0, keeps the instance's name."""

Label = Literal["service", "model", "version", "replica", "tenant"]
LabelOverrides = Mapping[Label, Sequence[str]]


def labels_of(attributes: Mapping[str, str], overrides: LabelOverrides = MappingProxyType({})) -> Labels:
    """The labels of a series; service is empty where no attribute names one."""
    found = {label: _first(attributes, (*overrides.get(label, ()), *names)) for label, names in NAMES.items()}
    engine = _first(attributes, ENGINE)
    replica = found["replica"]
    if engine is not None and engine != "0":
        replica = engine if replica is None else f"{replica}/{engine}"
    version = found["version"] if found["version"] != found["model"] else None
    return Labels(found["service"] or "", found["model"], version, replica, found["tenant"])


def _first(attributes: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((value for name in names if (value := attributes.get(name))), None)
