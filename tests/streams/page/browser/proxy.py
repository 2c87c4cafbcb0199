"""A real nginx in front of the page: it takes its path prefix away, and says by a JWT of its own who somebody is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from streams.respond.http.authentication import IssuerKeys
from tests.kafka.harness import until
from tests.ports import answers, free_ports

DOCUMENTED = Path(__file__).parents[4] / "docs" / "page.md"


@dataclass(frozen=True)
class Issuer:
    """A provider of identities, and what the role respond is told of it."""

    key: ECKey
    issuer: str = "https://idp"
    audience: str = "tocsin"
    jwks_url: str = "https://idp/jwks"

    @property
    def keys(self) -> IssuerKeys:
        async def fetch() -> dict[str, Any]:
            return dict(KeySet([self.key]).as_dict(private=False))

        return IssuerKeys(fetch)

    def header(self, who: str, lasts_s: float = 600.0) -> str:
        """The value of `Authorization` for a person."""
        claims = {"iss": self.issuer, "aud": self.audience, "sub": f"{who}@example.com", "exp": time.time() + lasts_s}
        return f"Bearer {jwt.encode({'alg': 'ES256', 'kid': 'k1'}, claims, self.key)}"


def issuer() -> Issuer:
    """One with a key that nobody else has."""
    return Issuer(ECKey.generate_key("P-256", {"kid": "k1"}))


class Proxy:
    """nginx, as the documentation configures it. authorization: what it adds to each request, None for nothing."""

    def __init__(self, target: str, prefix: str = "/", authorization: str | None = None) -> None:
        self._target = target.rstrip("/")
        self._prefix = prefix
        self._authorization = authorization
        self._folder = Path()
        (self._port,) = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{self._prefix}"

    @property
    def outside(self) -> list[str]:
        """What was asked for beside the prefix."""
        return (self._folder / "outside.log").read_text().splitlines()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        if shutil.which("nginx") is None:
            if os.environ.get("TOCSIN_REQUIRE_BROWSER") == "1":
                pytest.fail("TOCSIN_REQUIRE_BROWSER=1, but there is no nginx")
            pytest.skip("no nginx")
        with tempfile.TemporaryDirectory(prefix="tocsin-nginx-") as folder:
            self._folder = Path(folder)
            await self._start()
            try:
                yield self
            finally:
                self._stop()

    async def authorize(self, authorization: str | None) -> None:
        """From now on it adds this."""
        self._stop()
        self._authorization = authorization
        await self._start()

    async def _start(self) -> None:
        (self._folder / "nginx.conf").write_text(self._configuration())
        process = self._process = self._launched()
        await until(lambda: process.poll() is not None or answers(self._port), "nginx answers")
        assert process.poll() is None, (self._folder / "error.log").read_text()

    def _launched(self) -> subprocess.Popen[bytes]:
        command = ["nginx", "-p", str(self._folder), "-e", "error.log", "-c", "nginx.conf"]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def _stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)

    def _configuration(self) -> str:
        (location,) = re.findall(r"```nginx\n(.*?)```", DOCUMENTED.read_text(), re.DOTALL)
        location = location.replace("http://127.0.0.1:8080/", f"{self._target}/").replace("/tocsin/", self._prefix)
        added = "" if self._authorization is None else f'proxy_set_header Authorization "{self._authorization}";'
        location = re.sub(r"proxy_set_header Authorization .*", added, location)
        beside = "" if self._prefix == "/" else "location / { access_log outside.log path; return 404; }"
        temporary = "".join(
            f"{name}_temp_path {self._folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        return f"""
            daemon off; master_process off; pid {self._folder}/nginx.pid; error_log {self._folder}/error.log;
            events {{ }}
            http {{
                log_format path $uri; access_log off; {temporary}
                server {{ listen 127.0.0.1:{self._port}; {location} {beside} }}
            }}
        """
