"""What the actions ask of a LiteLLM proxy, against a strict fake of its management API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import aiohttp
import pytest

from actions.base import RunContext, TargetError
from actions.kinds.litellm.block import LitellmBlockParams
from actions.kinds.litellm.limits import LitellmLimitsParams, Rates
from tests.actions.cases import INTENT
from tests.actions.simulators.http_target import running
from tests.actions.simulators.litellm import LitellmBlockSimulator, LitellmLimitsSimulator

LIVE = RunContext()
URL = "https://proxy"


@pytest.mark.parametrize("subject", ["model", "team", "key"])
async def test_deployment_team_and_key_are_blocked_by_their_own_endpoints(
    subject: Literal["model", "team", "key"],
) -> None:
    async with running(LitellmBlockSimulator) as proxy, aiohttp.ClientSession() as session:
        assert isinstance(proxy, LitellmBlockSimulator)
        action = LitellmBlockParams(proxy.base, subject, access=proxy.access).build(session)
        await action.run(INTENT, LIVE)
        blocked = {name: record["blocked"] for name, record in proxy.records.items()}
        assert blocked == {name: True if name == subject else None for name in ("model", "team", "key")}


async def test_limits_of_a_step_count_and_those_not_named_stay() -> None:
    async with running(LitellmLimitsSimulator) as proxy:
        assert isinstance(proxy, LitellmLimitsSimulator)
        await proxy.action.run(replace(proxy.intent(), params={"tpm_limit": 500}), LIVE)
        assert (proxy.records["team"]["tpm_limit"], proxy.records["team"]["rpm_limit"]) == (500, 600)
        with pytest.raises(TargetError, match="tpm_limit 100000, expected a number from 1 to 90000"):
            await proxy.action.run(replace(proxy.intent(), params={"tpm_limit": 100_000}), LIVE)


async def test_label_without_an_id_names_nobody() -> None:
    async with running(LitellmLimitsSimulator) as proxy:
        with pytest.raises(TargetError, match="gives no known team"):
            await proxy.action.run(replace(proxy.intent(), tenant="somebody"), LIVE)
        with pytest.raises(TargetError, match="gives no known team"):
            await proxy.action.run(replace(proxy.intent(), tenant=None), LIVE)
        assert proxy.writes() == 0


@pytest.mark.parametrize(("make", "word"), [
    (lambda: LitellmBlockParams(URL, "user"), r"LitellmBlockParams.subject: 'user'"),  # type: ignore[arg-type]
    (lambda: LitellmBlockParams(URL, "key", ids={"a": "sk-123"}), "ids.a: a secret or an empty text"),
    (lambda: LitellmBlockParams(URL, id="{host}"), "LitellmBlockParams.id"),
    (lambda: LitellmLimitsParams(URL, Rates(), Rates()), "expected the limits that limited names"),
    (lambda: LitellmLimitsParams(URL, Rates(5), Rates(None, 5)), "expected the limits that limited names"),
    (lambda: LitellmLimitsParams(URL, Rates(5), Rates(5)), "limited.tpm_limit: 5, expected 1 to less than normal"),
])
def test_params_out_of_range_are_named(make: Callable[[], object], word: str) -> None:
    with pytest.raises(ValueError, match=word) as caught:
        make()
    assert "sk-123" not in str(caught.value)
