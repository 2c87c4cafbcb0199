"""A label that names persons leaves the intake as a keyed hash alone, and is the same part after a restart."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from actions.base import Secret
from actions.trust.hashed_labels import PREFIX, hashed_value, published_as
from config import ConfigError, config_hash
from config.identity import state_hash
from streams.intake.columns import Labels
from streams.intake.scopes import ScopeTable
from streams.planning import plan_of
from tests.streams.fakes import LATENCY, T, batch, clocked, config_of
from tests.streams.records import sample

SECRET = Secret("a secret of more than 32 characters")
ANNA, BEN = Labels("chat", "gpt", tenant="anna"), Labels("chat", "gpt", "v1", tenant="ben")
HASHED = f'version: 1\nlabels: {{hashed: [tenant], secret: "{SECRET.reveal()}"}}\n'


def table() -> ScopeTable:
    return ScopeTable(published=published_as(("tenant",), SECRET))


def test_only_the_labels_that_are_named_are_hashed_each_by_label_and_secret() -> None:
    scopes = table()
    scopes.intern(ANNA)
    scopes.intern(BEN)
    known = [scope for scope in scopes.names if scope is not None]
    names = {hashed_value(SECRET, "tenant", one) for one in ("anna", "ben")}
    assert {scope.tenant for scope in known} == {None, *names}
    assert {scope.version for scope in known} == {None, "v1"}
    name = hashed_value(SECRET, "tenant", "anna")
    assert name.startswith(PREFIX)
    assert name not in (hashed_value(SECRET, "replica", "anna"), hashed_value(Secret("b" * 32), "tenant", "anna"))


def test_a_value_is_the_same_scope_when_it_comes_again_also_after_a_restart_and_a_new_one_after_its_release() -> None:
    scopes = table()
    numbers = scopes.intern(ANNA)
    assert scopes.intern(ANNA) == numbers
    assert scopes.find([("chat", "gpt", None, None, "anna")])[:, 0].tolist() == numbers
    stored = orjson.dumps(scopes.snapshot())
    assert b"anna" not in stored
    again = table()
    again.restore(orjson.loads(stored))
    assert again.intern(ANNA) == numbers
    again.release([numbers[-1]])
    assert again.find([("chat", "gpt", None, None, "anna")])[-1, 0] == -2
    assert len(again) == 1
    assert again.names[again.intern(ANNA)[-1]] is not None


def test_nothing_that_a_shard_stores_has_the_value(tmp_path: Path) -> None:
    shard = clocked(plan_of(config_of(tmp_path, HASHED)))
    values = [sample(T + second, metrics={"latency_ms": 9.0}, tenant="anna") for second in range(60)]
    shard.ingest(LATENCY, batch(values).records)
    stored = repr(shard.snapshot())
    assert hashed_value(SECRET, "tenant", "anna") in stored
    assert "anna" not in stored


def test_hashing_labels_is_another_configuration_and_not_hashing_any_is_none(tmp_path: Path) -> None:
    plain, hashed = config_of(tmp_path), config_of(tmp_path, HASHED)
    assert (config_hash(plain), state_hash(plain)) != (config_hash(hashed), state_hash(hashed))
    named = config_of(tmp_path, f'version: 1\nlabels: {{secret: "{SECRET.reveal()}"}}\n')
    assert (config_hash(named), state_hash(named)) == (config_hash(plain), state_hash(plain))


@pytest.mark.parametrize(("text", "problem"), [
    ("labels: {hashed: [tenant]}", "site.yaml:2: labels.hashed: got tenant, expected labels.secret_file"),
    ("labels: {hashed: [tenant], secret: short}", "labels.secret: .*, expected a secret of at least 16 characters"),
    ("labels: {hashed: [service]}", "labels.hashed"),
    (f'scopes: {{marginals: [version]}}\nlabels: {{hashed: [tenant], secret: "{SECRET.reveal()}"}}',
     "labels.hashed.*: got tenant, expected one of scopes.marginals: version"),
])
def test_a_mistake_in_the_section_is_named(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=problem):
        config_of(tmp_path, f"version: 1\n{text}\n")
