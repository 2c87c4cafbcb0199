"""What the query of a URL holds is shown nowhere where a configuration is shown, compared or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import orjson
import pytest
from click.testing import CliRunner

from actions.base import Secret
from actions.catalogue import CATALOGUE
from actions.channels.catalogue import CHANNEL_KINDS
from config import Config, as_yaml, examine
from config.changes.difference import differences
from config.identity import URLS, deciding_text, with_deciding
from streams.cli import main
from streams.respond.page.configuration import ShownConfiguration
from tests.config.texts import load_text, problems

HIDDEN = "hunter2-hunter2"
FILE = """\
version: 1
actions:
  circuit_breaker:
    url: "https://gw.example/b/{target}?token=SECRET&state={state}"
    verify_url: "https://gw.example/v?SECRET"
  rollback: {tracking_url: "https://mlflow.example", reload_url: "https://gw.example/reload?sig=SECRET&zone=eu"}
  cache_invalidate: {server: {url: "redis://redis.example/0?password=SECRET"}, prefix: "chat/{service}/"}
  webhook:
    hooks:
      shrink:
        run: {url: "https://gw.example/h?token=SECRET"}
        undo: {url: "https://gw.example/h#SECRET"}
        verify_url: "https://gw.example/h?code=SECRET"
        verify_field: size
        verify_value: small
  trigger: {hooks: {rebuild: {url: "https://gw.example/t?token=SECRET"}}}
  notify: {url: "https://hooks.example/services/SECRET?token=SECRET"}
channels:
  pager: {kind: pagerduty, url: "https://pager.example/enqueue?token=SECRET", routing_key: KEY}
respond: {jwt: {issuer: "https://idp.example", audience: tocsin, jwks_url: "https://idp.example/keys?token=SECRET"}}
telemetry: {traces: {endpoint: "https://otlp.example/v1/traces?token=SECRET"}}
"""


def config_of(tmp_path: Path, secret: str = HIDDEN) -> Config:
    return load_text(tmp_path, FILE.replace("SECRET", secret))


def _checked(tmp_path: Path) -> str:
    config_of(tmp_path)
    answer = CliRunner().invoke(main, ["check", str(tmp_path / "site.yaml"), "--show"])
    assert answer.exit_code == 0, answer.output
    return answer.output


def _compared(tmp_path: Path) -> str:
    return "\n".join(map(str, differences(config_of(tmp_path, "another-secret"), config_of(tmp_path))))


PLACES: dict[str, Callable[[Path], str]] = {
    "check --show": _checked,
    "bundles of evidence": lambda tmp_path: as_yaml(config_of(tmp_path)),
    "the page": lambda tmp_path: orjson.dumps(ShownConfiguration(config_of(tmp_path), lambda: 0.0).view()).decode(),
    "repr": lambda tmp_path: repr(config_of(tmp_path).actions["notify"]),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_place_shows_what_a_query_holds(tmp_path: Path, place: str) -> None:
    assert HIDDEN not in PLACES[place](tmp_path)


def test_hosts_paths_and_placeholders_stay_readable(tmp_path: Path) -> None:
    shown = as_yaml(config_of(tmp_path))
    for text in (
        "https://gw.example/b/{target}?token=***&state={state}",
        "https://gw.example/v?***", "https://hooks.example/***",
        "redis://redis.example/0?password=***", "https://pager.example/enqueue?token=***",
    ):
        assert text in shown


def test_a_change_of_what_is_hidden_is_told_without_it(tmp_path: Path) -> None:
    told = _compared(tmp_path)
    assert HIDDEN not in told
    assert "another-secret" not in told
    assert "actions (a secret)" in told


@pytest.mark.parametrize("setting", [
    'actions: {circuit_breaker: {url: "ftp://gw.example/b?token=SECRET"}}',
    'actions: {circuit_breaker: {url: "https://gw.example/{colour}?token=SECRET"}}',
    'actions: {circuit_breaker: {url: "http://gw.example/b?token=SECRET", access: {secret: 0123456789abcdef}}}',
    'actions: {circuit_breaker: {url: "https://ann:SECRET@gw.example/b"}}',
    'actions: {circuit_breaker: {url: ["https://gw.example/b?token=SECRET"]}}',
    'actions: {circuit_breaker: {urls: "https://gw.example/b?token=SECRET"}}',
    'actions: {rollback: {tracking_url: "https://mlflow.example?token=SECRET"}}',
    'actions: {notify: {url: "ftp://hooks.example/services/SECRET"}}',
    'actions: {notify: {url: "https://hooks.example/services/{colour}/SECRET"}}',
    'actions: {cache_invalidate: {server: {url: "http://redis.example/0?password=SECRET"}}}',
    'channels: {a: {kind: alertmanager, url: "https://am.example?token=SECRET"}}',
    'channels: {a: {kind: pagerduty, url: "http://pager.example/?token=SECRET", routing_key: KEY}}',
    'respond: {jwt: {issuer: "https://idp", audience: tocsin, jwks_url: "ftp://idp.example/keys?token=SECRET"}}',
])
def test_a_refused_url_is_told_without_what_is_hidden(tmp_path: Path, setting: str) -> None:
    told = problems(tmp_path, "version: 1\n" + setting.replace("SECRET", HIDDEN))
    assert HIDDEN not in "\n".join(told)
    assert all("expected" in one for one in told)


def test_a_base_url_has_no_query(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, 'version: 1\nactions: {rollback: {tracking_url: "https://mlflow.example?token=abc"}}')
    assert "rollback.tracking_url: got 'https://mlflow.example?token=***', expected a URL without ? and #" in told


def test_a_prerequisite_whose_url_proves_who_asks_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("""\
version: 1
actions: {circuit_breaker: {url: "https://gw.example/{target}"}}
playbooks:
  - {name: a, version: 1, match: {scopes: [replica]}, mode: suggest, steps: [
      {action: circuit_breaker, target: "{service}/{replica}", when: {http_ok: "https://gw.example/r?zone=a&token=SECRET"}}]}
""".replace("SECRET", HIDDEN), encoding="utf-8")
    _, warnings = examine(file, {})
    (told,) = [str(one) for one in warnings if "http_ok" in one.path]
    assert "expected a URL without token: intents hold it readably" in told
    assert HIDDEN not in told


def _url_fields(params: type[Any], place: str) -> Iterator[tuple[str, bool]]:
    """Each field of a params class that may hold a URL, and whether it is a `Secret`."""
    hints = get_type_hints(params)
    for field in fields(params):
        kinds = {hints[field.name], *get_args(hints[field.name])}
        for kind in kinds:
            if isinstance(kind, type) and is_dataclass(kind) and kind is not Secret:
                yield from _url_fields(kind, f"{place}.{field.name}")
        if str in kinds or Secret in kinds:
            yield f"{place}.{field.name}", Secret in kinds


@pytest.mark.parametrize("kind", [*CATALOGUE, *CHANNEL_KINDS])
def test_what_is_checked_as_a_url_has_a_name_that_is_masked(kind: str) -> None:
    """A new field that holds a URL is either a secret, or its name ends as `URLS` says."""
    params = CATALOGUE.get(kind) or CHANNEL_KINDS[kind]
    for place, is_secret in _url_fields(params, kind):
        name = place.rpartition(".")[2]
        if any(word in name for word in ("url", "uri", "endpoint", "link")):
            assert is_secret or name.endswith(URLS), place


def test_what_decides_is_written_whole(tmp_path: Path) -> None:
    """Ticks hold it, and a worker that takes over reads it: nothing in it may be masked."""
    config = load_text(tmp_path, """\
version: 1
actions: {circuit_breaker: {url: "https://gw.example/{target}"}}
playbooks:
  - {name: a, version: 1, match: {scopes: [replica]}, mode: suggest, steps: [
      {action: circuit_breaker, target: "{service}/{replica}", when: {http_ok: "https://gw.example/r?zone=eu"}}]}
""")
    assert with_deciding(config, deciding_text(config)).playbooks == config.playbooks
    assert "zone=eu" in deciding_text(config)
