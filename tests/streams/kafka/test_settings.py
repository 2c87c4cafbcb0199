from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from streams.kafka.settings import Security, UnusableCredentials, security_of, settings_of
from streams.kafka.worker_process import WorkerProcess
from tests.kafka.harness import unique
from tests.streams.fakes import config_of


def test_the_settings_batch_the_inputs_the_outcomes_and_the_actions(tmp_path: Path) -> None:
    settings = settings_of(config_of(tmp_path, "version: 1\nkafka: {session_timeout: 2s, instance_id: w0}\n"))
    assert settings.batched == {
        "inference.latency", "inference.confidence", "inference.tokens", "tocsin.outcomes",
        "tocsin.actions",
    }
    assert (settings.session_timeout_s, settings.heartbeat_s, settings.instance) == (2.0, 0.5, "w0")
    assert settings.security == Security()
    assert settings.client == str(WorkerProcess.current("w0"))
    assert settings_of(config_of(tmp_path)).client == "tocsin"


def test_tls_and_a_password_become_credentials_that_do_not_show_it(tmp_path: Path) -> None:
    security = security_of(config_of(tmp_path, """\
version: 1
kafka:
  security:
    tls: true
    verify_hostname: false
    sasl: {mechanism: SCRAM-SHA-256, username: tocsin, password: hush}
"""))
    assert isinstance(security.ssl_context, ssl.SSLContext)
    assert not security.ssl_context.check_hostname
    assert security.options()["security_protocol"] == "SASL_SSL"
    assert security.options()["sasl_plain_password"] == "hush"
    assert "hush" not in repr(security)


@pytest.mark.parametrize(
    ("setting", "place"), [("cafile: {file}", "cafile"), ("certfile: {file}, keyfile: {file}", "certfile")],
)
@pytest.mark.parametrize("content", [None, "no PEM at all"])
def test_a_pem_file_that_cannot_be_used_is_named(
    tmp_path: Path, setting: str, place: str, content: str | None,
) -> None:
    file = tmp_path / unique("pem")
    if content is not None:
        file.write_text(content)
    security = setting.format(file=file)
    config = config_of(tmp_path, f"version: 1\nkafka: {{security: {{tls: true, {security}}}}}\n")
    with pytest.raises(UnusableCredentials, match=rf"^kafka.security.{place}: {file}.*expected") as raised:
        security_of(config)
    assert raised.value.exit_message == str(raised.value)
