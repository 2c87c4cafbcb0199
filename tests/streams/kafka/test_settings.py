from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from streams.kafka import required_topics
from streams.kafka.required_topics import prepare_topics
from streams.kafka.settings import Security, UnusableCredentials, security_of, settings_of
from streams.kafka.topics import TopicError
from tests.kafka.harness import unique
from tests.streams.fakes import FakeCluster, config_of


async def test_our_topics_follow_the_inputs_in_partitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster(inference_latency=6, inference_confidence=6, inference_tokens=6)
    monkeypatch.setattr(required_topics, "ensure_topics", cluster)
    assert await prepare_topics(config_of(tmp_path), Security()) == 6
    assert cluster.asked["tocsin.state"] == cluster.asked["tocsin.outcomes"] == cluster.asked["tocsin.ledger"] == 6


async def test_inputs_of_unequal_partitions_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(required_topics, "ensure_topics", FakeCluster(inference_latency=6))
    with pytest.raises(TopicError, match=r"inference.confidence has 4, inference.latency has 6, .* the same number"):
        await prepare_topics(config_of(tmp_path), Security())


async def test_a_ledger_that_does_not_match_the_actions_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(required_topics, "ensure_topics", FakeCluster(tocsin_actions=12))
    with pytest.raises(TopicError, match=r"tocsin.actions has 12, tocsin.ledger has 4"):
        await prepare_topics(config_of(tmp_path), Security())


def test_the_settings_batch_the_inputs_and_the_outcomes(tmp_path: Path) -> None:
    settings = settings_of(config_of(tmp_path, "version: 1\nkafka: {session_timeout: 2s, instance_id: w0}\n"))
    assert settings.batched == {
        "inference.latency", "inference.confidence", "inference.tokens", "tocsin.outcomes",
    }
    assert (settings.session_timeout_s, settings.heartbeat_s, settings.instance) == (2.0, 0.5, "w0")
    assert settings.security == Security()


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
