"""Every kind of action can be written in the file, and `tocsin check --show` gives none of its secrets."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from actions.base import Secret
from actions.catalogue import CATALOGUE, build
from actions.kinds.webhooks.webhook import WebhookParams
from config import as_yaml
from config.changes.difference import differences
from tests.streams.fakes import config_of

FILE = """\
version: 1
actions:
  notify: {url: "https://hooks.example/x"}
  circuit_breaker: {url: "https://gw.example/b/{target}", access: {secret: super-secret-1}}
  throttle: {url: "https://gw.example/t/{target}", factor: 0.3}
  token_cap: {url: "https://gw.example/c/{target}", tokens_per_min: 1000, normal: 90000}
  traffic: {url: "https://gw.example/s/{target}", share: 0, verify_url: "https://gw.example/s/{target}"}
  rollback: {tracking_url: "https://mlflow.example"}
  deployment_rollback: {namespace: serving, cluster: {api_url: "https://k8s.example:6443", request_timeout: 2s}}
  argo_rollback: {namespace: serving, name: "{service}-{model}"}
  kserve_rollback: {namespace: serving}
  scale: {namespace: serving, max_replicas: 8, factor: 2}
  route_weight: {namespace: serving, backend: "{service}-{version}"}
  litellm_block: {url: "https://proxy.example", subject: team, id: "{tenant}", access: {secret: super-secret-2}}
  litellm_limits: {url: "https://proxy.example", limited: {tpm_limit: 10}, normal: {tpm_limit: 90}, ids: {acme: team-1}}
  feature_flag: {path: /etc/flagd/flags.json, flag: long_context, variant: "off", lock_timeout: 500ms}
  index_switch: {url: "https://search.example", alias: "{service}-faq"}
  cache_invalidate: {server: {url: "rediss://cache.example", password: super-secret-3}, prefix: "ctx:{service}:"}
  cache_version: {server: {url: "rediss://cache.example:6380/1", timeout: 1s}, name: "ctx:{service}:version"}
  quarantine:
    topics: [inference.latency]
    quarantine_topic: inference.quarantine
    rules: {required: [latency_ms], ranges: {latency_ms: {min: 0, max: 600000}}}
  preserve_evidence: {folder: /var/lib/tocsin/evidence, bounds: {timeout: 60s, dry_run: true}}
  trigger:
    hooks: {rebuild: {url: "https://cache.example/rebuild", body: {who: "{target}", n: [1, {deep: "{params.n}"}]}}}
    signing_secret: super-secret-of-webhooks
  webhook:
    hooks:
      shrink:
        run: {url: "https://gw.example/mode", method: PUT, body: {mode: small}}
        undo: {url: "https://gw.example/mode", method: PUT, body: {mode: full}}
        verify_url: "https://gw.example/mode"
        verify_field: /mode
        verify_value: small
"""


async def test_each_kind_is_a_section_and_its_secrets_are_masked(tmp_path: Path) -> None:
    config = config_of(tmp_path, FILE)
    assert set(config.actions) == set(CATALOGUE)
    shown = as_yaml(config)
    assert "super-secret" not in shown
    assert "quarantine_topic: inference.quarantine" in shown
    webhook = config.actions["webhook"]
    assert isinstance(webhook, WebhookParams)
    assert webhook.hooks["shrink"].verify_value == "small"
    pytest.importorskip("kubernetes_asyncio", reason="the extra kubernetes is not installed")
    pytest.importorskip("redis", reason="the extra redis is not installed")
    async with aiohttp.ClientSession() as session:
        assert set(build(config.actions.values(), session)) == set(CATALOGUE)


def test_headers_that_prove_who_calls_are_masked_and_their_change_is_told_without_them(tmp_path: Path) -> None:
    text = """
version: 1
actions:
  circuit_breaker:
    url: "https://gw.example/breakers/{target}"
    access: {headers: {X-Api-Key: "%s", Authorization: "Basic %s", Accept-Language: de}}
"""
    one, other = (config_of(tmp_path, text % (secret, secret)) for secret in ("super-secret-1", "super-secret-2"))
    shown = as_yaml(one)
    assert "super-secret" not in shown
    assert "Accept-Language: de" in shown
    assert [str(change) for change in differences(one, other)] == ["actions (a secret): nothing -> nothing"]


def test_secret_of_a_webhook_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a-secret-of-24-characters\n", encoding="utf-8")
    text = FILE.replace("signing_secret: super-secret-of-webhooks", f"signing_secret_file: {tmp_path}/secret")
    trigger = config_of(tmp_path, text).actions["trigger"]
    assert trigger.signing_secret == Secret("a-secret-of-24-characters")  # type: ignore[attr-defined]
