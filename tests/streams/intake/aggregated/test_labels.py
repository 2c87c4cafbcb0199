"""Labels come from many conventions; what names a person never does."""

from __future__ import annotations

import pytest

from streams.intake.aggregated.aliases import Stack
from streams.intake.aggregated.instant import InstantAggregate
from streams.intake.aggregated.labels import LabelOverrides, labels_of, without_copies
from streams.intake.columns import Labels


@pytest.mark.parametrize(("attributes", "expected"), [
    ({"service.name": "chat", "service.instance.id": "i", "service.version": "3"}, Labels("chat", None, "3", "i")),
    ({"job": "vllm", "instance": "a:1", "pod": "vllm-0", "model_name": "m"}, Labels("vllm", "m", None, "vllm-0")),
    ({"job": "triton", "model": "m", "version": "2"}, Labels("triton", "m", "2")),
    ({"service.name": "s", "gen_ai.request.model": "g", "gen_ai.response.model": "g-1"}, Labels("s", "g", "g-1")),
    ({"service.name": "s", "gen_ai.response.model": "g"}, Labels("s", "g")),
    ({"application": "app", "deployment": "llm", "replica": "r1"}, Labels("app", "llm", None, "r1")),
    ({"job": "v", "instance": "a", "engine": "0"}, Labels("v", None, None, "a")),
    ({"job": "v", "instance": "a", "engine": "3"}, Labels("v", None, None, "a/3")),
    ({"job": "litellm", "team": "t1", "team_alias": "search"}, Labels("litellm", None, None, None, "search")),
    ({"model_name": "m"}, Labels("", "m")),
])
def test_the_first_name_that_has_a_value_counts(attributes: dict[str, str], expected: Labels) -> None:
    assert labels_of(attributes) == expected


@pytest.mark.parametrize(("pipeline", "attributes"), [
    ("Thanos sidecar", {"pod": "vllm-2", "instance": "10.0.0.7:8000", "cluster": "eu", "replica": "A"}),
    ("kube-prometheus-stack", {
        "pod": "vllm-2", "instance": "10.0.0.7:8000", "namespace": "llm", "service": "vllm", "endpoint": "http",
        "container": "vllm", "prometheus": "monitoring/k8s", "prometheus_replica": "prometheus-k8s-0",
    }),
    ("Mimir or Cortex, HA", {"pod": "vllm-2", "instance": "10.0.0.7:8000", "cluster": "eu", "__replica__": "p-0"}),
    ("Thanos Receive", {"pod": "vllm-2", "receive": "true", "receive_replica": "receive-1", "replica": "0"}),
    ("annotations of pods", {"kubernetes_pod_name": "vllm-2", "instance": "10.0.0.7:8000", "monitor": "codelab"}),
    ("static targets", {"instance": "vllm-2", "replica": "A"}),
    ("the Collector's prometheus receiver", {
        "service.instance.id": "vllm-2", "server.address": "10.0.0.7", "server.port": "8000", "url.scheme": "http",
        "host.name": "collector-0", "replica": "A",
    }),
    ("the Collector with k8sattributes", {
        "k8s.pod.name": "vllm-2", "k8s.namespace.name": "llm", "service.instance.id": "10.0.0.7:8000",
        "host.name": "node-4",
    }),
    ("the Collector's prometheus exporter, scraped", {
        "exported_job": "vllm", "exported_instance": "vllm-2", "instance": "10.0.0.2:8889", "pod": "collector-0",
    }),
    ("the same, with resource attributes as labels", {
        "exported_instance": "10.0.0.7:8000", "k8s_pod_name": "vllm-2", "instance": "10.0.0.2:8889",
        "pod": "collector-0",
    }),
    ("an exporter of labels of pods", {"exported_pod": "vllm-2", "pod": "exporter-0", "instance": "10.0.0.2:9400"}),
])
def test_what_a_collector_says_of_itself_names_no_replica(pipeline: str, attributes: dict[str, str]) -> None:
    assert labels_of({"job": "vllm", **attributes}).replica == "vllm-2", pipeline


def test_a_label_replica_counts_where_nothing_else_names_one_or_where_the_stack_or_the_operator_says_so() -> None:
    assert labels_of({"job": "app", "replica": "r1"}).replica == "r1"
    attributes = {"job": "ray", "replica": "LLM#x7", "instance": "node-1:8080"}
    assert labels_of(attributes, stack="ray_serve").replica == "LLM#x7"
    assert labels_of(attributes, {"replica": ("replica",)}).replica == "LLM#x7"


def test_an_engine_that_a_router_speaks_of_is_the_replica() -> None:
    attributes = {"job": "router", "pod": "router-0", "server": "http://10.0.0.7:8000"}
    assert labels_of(attributes, stack="vllm_router").replica == "http://10.0.0.7:8000"
    assert labels_of(attributes, stack="vllm").replica == "router-0"


def test_the_tenant_of_a_collector_ranks_below_that_of_a_request() -> None:
    assert labels_of({"job": "l", "tenant_id": "default-tenant", "team": "search"}).tenant == "search"


@pytest.mark.parametrize(("stack", "overrides", "kept"), [
    ("vllm", {}, {"pod": "a"}), ("unknown", {}, {"pod": "a", "replica": "A"}),
    ("ray_serve", {}, {"pod": "a", "replica": "A"}), ("vllm", {"replica": ("replica",)}, {"pod": "a", "replica": "A"}),
])
def test_a_label_by_which_copies_differ_tells_no_series_apart_but_where_it_names_the_replica(
    stack: Stack, overrides: LabelOverrides, kept: dict[str, str],
) -> None:
    attributes = {"pod": "a", "replica": "A", "prometheus_replica": "0"}
    assert {name: value for name, value in without_copies(attributes, overrides, stack).items()
            if name != "prometheus_replica"} == kept
    assert without_copies({"replica": "A"}, overrides, stack) == {"replica": "A"}


def test_keys_and_people_do_not_enter() -> None:
    names = ("hashed_api_key", "api_key_alias", "user", "user_email", "end_user", "client_ip")
    assert "private" not in labels_of({"job": "litellm", **dict.fromkeys(names, "private")})


def test_an_operators_names_come_first() -> None:
    assert labels_of({"job": "v", "tenant": "x", "customer": "acme"}, {"tenant": ("customer",)}).tenant == "acme"


def test_label_sets_of_one_instant_add_up_in_the_scopes_they_share() -> None:
    instant = InstantAggregate()
    for tenant, value in (("a", 1.0), ("b", 3.0)):
        instant.accumulator(Labels("s", "m", "v1", "r0", tenant)).add_gauge("queue_depth", value, 15.0)
    found = {value.labels: (value.whole, value.metrics) for value in instant.values()}
    assert found == {
        Labels("s", "m"): (True, {"queue_depth": 2.0}), Labels("s", "m", "v1"): (False, {"queue_depth": 2.0}),
        Labels("s", "m", None, "r0"): (False, {"queue_depth": 2.0}),
        Labels("s", "m", None, None, "a"): (False, {"queue_depth": 1.0}),
        Labels("s", "m", None, None, "b"): (False, {"queue_depth": 3.0}),
    }
