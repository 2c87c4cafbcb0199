"""The API server is trusted by the CA file alone, and the token goes to nobody else."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from actions.base import RunContext, TargetError
from actions.kinds.kubernetes.cluster import Cluster
from actions.kinds.kubernetes.deployment_rollback import DeploymentRollbackParams
from tests.actions.cases import INTENT
from tests.actions.certificates import write_certificate
from tests.actions.simulators.clusters import DEPLOYMENT, add_workload
from tests.actions.simulators.kubernetes_api import TOKEN, KubernetesApi

pytest.importorskip("kubernetes_asyncio", reason="the extra kubernetes is not installed")


@asynccontextmanager
async def serving(certificate: Path) -> AsyncIterator[tuple[str, list[str]]]:
    """An API server with TLS: its URL, and the tokens that it was shown."""
    api, shown = KubernetesApi(), list[str]()
    add_workload(api, DEPLOYMENT, ["v1", "v2"], "deployment.kubernetes.io/revision", "pod-template-hash")

    async def handle(request: web.Request) -> web.StreamResponse:
        shown.append(request.headers.get("Authorization", ""))
        return await api.serve(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}", shown
    finally:
        await runner.cleanup()


async def test_server_of_another_ca_gets_neither_a_request_nor_the_token(tmp_path: Path) -> None:
    ours, theirs = write_certificate(tmp_path, "ours"), write_certificate(tmp_path, "theirs")
    bearer = tmp_path / "bearer"
    bearer.write_text(TOKEN, encoding="utf-8")
    intent = replace(INTENT, kind="deployment_rollback")
    async with serving(ours) as (url, shown), aiohttp.ClientSession() as session:
        for certificate in (theirs, tmp_path / "missing.pem"):
            params = DeploymentRollbackParams("serving", cluster=Cluster(url, str(bearer), str(certificate)))
            with pytest.raises(TargetError) as caught:
                await params.build(session).run(intent, RunContext())
            assert not caught.value.retryable
        assert shown == []
        params = DeploymentRollbackParams("serving", cluster=Cluster(url, str(bearer), str(ours)))
        done = await params.build(session).run(intent, RunContext())
        assert done.data["to_version"] == "v1"
        assert set(shown) == {f"Bearer {TOKEN}"}
