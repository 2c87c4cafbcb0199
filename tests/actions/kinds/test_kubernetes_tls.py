"""The API server is trusted by the CA file alone, and the token goes to nobody else."""

from __future__ import annotations

import datetime
import ipaddress
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
from tests.actions.simulators.clusters import DEPLOYMENT, add_workload
from tests.actions.simulators.kubernetes_api import TOKEN, KubernetesApi

pytest.importorskip("kubernetes_asyncio", reason="the extra kubernetes is not installed")
x509 = pytest.importorskip("cryptography.x509", reason="cryptography is not installed")


def write_certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate of 127.0.0.1 and its key, both in one PEM file."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1)).add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(True, None), critical=True).add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
    )
    path = folder / f"{name}.pem"
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(encoding))
    return path


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
