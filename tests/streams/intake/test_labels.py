"""Labels come from many conventions; what names a person never does."""

from __future__ import annotations

import pytest

from streams.intake.aggregated.instant import InstantAggregate
from streams.intake.aggregated.labels import labels_of
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
