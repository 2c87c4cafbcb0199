"""Every action in the catalogue passes every check of the conformance suite."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from actions.catalogue import CATALOGUE, build
from actions.checks import CHECKS, TargetSimulator
from actions.kinds.webhooks.notify import NotifyParams
from actions.playbooks.playbook import REVERSIBLE
from tests.actions.simulators.catalogue import SIMULATORS

KUBERNETES = ("deployment_rollback", "argo_rollback", "kserve_rollback", "scale", "route_weight")
NEEDS = dict.fromkeys(KUBERNETES, "kubernetes_asyncio")
"""Optional libraries."""


@pytest.mark.parametrize("kind", sorted(CATALOGUE))
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_action_conforms(kind: str, check: Callable[[TargetSimulator], Awaitable[None]]) -> None:
    if kind in NEEDS:
        pytest.importorskip(NEEDS[kind], reason=f"{kind} needs an extra that is not installed")
    async with SIMULATORS[kind]() as simulator:
        await check(simulator)


def test_every_catalogue_entry_has_a_stage() -> None:
    assert SIMULATORS.keys() == CATALOGUE.keys()
    assert set(CATALOGUE) >= REVERSIBLE


async def test_catalogue_builds_the_executors_table_and_refuses_a_kind_twice() -> None:
    async with aiohttp.ClientSession() as session:
        assert list(build([NotifyParams()], session)) == ["notify"]
        with pytest.raises(ValueError, match="'notify' is configured twice"):
            build([NotifyParams(), NotifyParams()], session)
