"""How a configuration is loaded: the shipped default, the operator's file over it, the environment in both."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from actions.base import Secret
from actions.kinds.models.rollback import RollbackParams
from actions.limits import LimitParams
from classifiers.incidents.triage import TriageParams
from classifiers.learning.prequential import LearningParams
from config import Config, ConfigError, config_hash, load, written
from config.explain import known_names
from config.fields import seconds
from config.source import Node, parse
from detectors.catalogue import CATALOGUE
from detectors.suite import SuiteParams
from tests.config.texts import load_text

DEFAULT = Path(__file__).parents[2] / "config" / "default.yaml"


def site(tmp_path: Path, text: str, **environ: str) -> Config:
    """The configuration of a file with this text after the version."""
    return load_text(tmp_path, "version: 1\n" + text, **environ)


def test_the_shipped_default_has_the_defaults_of_the_code() -> None:
    config = load(None, {})
    shipped = (config.detection, config.triage, config.learning, config.limits)
    assert shipped == (SuiteParams(), TriageParams(), LearningParams(), LimitParams())


def test_the_shipped_default_states_every_setting_but_the_detectors_own_constants() -> None:
    tree = parse(DEFAULT.read_text(encoding="utf-8"), "default.yaml", [])
    assert tree is not None
    own = {f"detection.{name}" for name in CATALOGUE} - {"detection.static_limits"}
    assert set(_unstated(tree, ())) == own


def _unstated(node: Node, path: tuple[str, ...]) -> list[str]:
    # Targets are the operator's own: no default can be shipped for them.
    if not isinstance(node.value, dict) or path == ("actions",):
        return []
    missing = [".".join((*path, name)) for name in known_names(path) if name not in node.value]
    return missing + [found for key, child in node.value.items() for found in _unstated(child, (*path, key))]


def test_mappings_merge_and_lists_replace(tmp_path: Path) -> None:
    default = load(None, {})
    config = site(tmp_path, "windows: {size: 2s}\ninputs: [{topic: mine}]\n")
    assert config.windows.size_s == 2.0
    assert config.windows.lateness_s == default.windows.lateness_s
    assert [source.topic for source in config.inputs] == ["mine"]


def test_detection_has_the_length_of_the_windows(tmp_path: Path) -> None:
    assert site(tmp_path, "windows: {size: 2s}\n").detection.window_s == 2.0


def test_the_environment_fills_references_in(tmp_path: Path) -> None:
    text = 'kafka: {group: "${GROUP:-spare}", instance_id: "w-${POD}"}\ntelemetry: {port: "${PORT}"}\n'
    config = site(tmp_path, text, POD="3", PORT="9", TOCSIN_BROKERS="a:1, b:2")
    assert (config.kafka.group, config.kafka.instance_id, config.telemetry.port) == ("spare", "w-3", 9)
    assert site(tmp_path, text, POD="3", PORT="9", GROUP="own").kafka.group == "own"


def test_brokers_may_come_as_one_text_with_commas(tmp_path: Path) -> None:
    assert site(tmp_path, "kafka: {brokers: '${B}'}\n", B="a:1, b:2").kafka.brokers == ("a:1", "b:2")


def test_an_unset_variable_is_a_problem_and_a_doubled_dollar_is_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"got \$\{PORT\}, expected the environment variable PORT to be set"):
        site(tmp_path, 'telemetry: {port: "${PORT}"}\n')
    assert site(tmp_path, 'telemetry: {host: "$${HOST}"}\n').telemetry.host == "${HOST}"


def test_a_secret_comes_from_its_file_and_shows_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    access = f"access: {{secret_file: {tmp_path}/secret}}"
    config = site(tmp_path, f"actions: {{rollback: {{tracking_url: 'http://127.0.0.1:1', {access}}}}}\n")
    rollback = config.actions["rollback"]
    assert isinstance(rollback, RollbackParams)
    assert rollback.access.secret == Secret("hunter2")
    assert "hunter2" not in repr(config)


def test_a_file_beside_an_empty_secret_counts_in_either_order(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("hunter2\n")
    for keys in (f"password_file: {tmp_path}/pw, password: null", f"password: null, password_file: {tmp_path}/pw"):
        sasl = f"{{mechanism: PLAIN, username: a, {keys}}}"
        config = site(tmp_path, f"kafka: {{security: {{tls: true, sasl: {sasl}}}}}\n")
        assert config.kafka.security.sasl is not None
        assert config.kafka.security.sasl.password.reveal() == "hunter2"


def test_a_secret_given_twice_or_by_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    text = "actions: {{rollback: {{tracking_url: 'http://127.0.0.1:1', access: {}}}}}\n"
    with pytest.raises(ConfigError, match="got both secret and secret_file, expected one of them"):
        site(tmp_path, text.format("{secret: a, secret_file: b}"))
    with pytest.raises(ConfigError, match=r"expected a readable file \(No such file or directory\)"):
        site(tmp_path, text.format(f"{{secret_file: {tmp_path}/nope}}"))


def test_null_removes_a_shipped_action(tmp_path: Path) -> None:
    assert dict(site(tmp_path, "actions: {notify: null}\n").actions) == {}


def test_the_first_pattern_gives_a_service_its_tier(tmp_path: Path) -> None:
    config = site(tmp_path, "services: [{match: 'chat*', tier: 1}, {match: '*', tier: 3}]\n")
    assert [config.tier_of(name) for name in ("chat-eu", "batch")] == [1, 3]
    assert load(None, {}).tier_of("chat") == 2


def test_the_hash_follows_what_decides_incidents_and_nothing_else(tmp_path: Path) -> None:
    default = config_hash(load(None, {}))
    assert config_hash(site(tmp_path, "kafka: {group: other}\n")) == default
    assert config_hash(site(tmp_path, "windows: {size: 1000ms}\n")) == default
    assert config_hash(site(tmp_path, "detection: {cusum: {clip: 99.0}}\n")) != default
    assert config_hash(site(tmp_path, "windows: {size: 2s}\n")) != default


def test_the_settings_in_force_read_back_as_the_same_configuration(tmp_path: Path) -> None:
    config = site(tmp_path, "windows: {size: 2s}\ndetection: {cusum: {clip: 99}}\nservices: [{match: a, tier: 1}]\n")
    file = tmp_path / "shown.yaml"
    YAML(typ="safe").dump(written(config), file)
    assert load(file, {}) == config


@pytest.mark.parametrize(
    ("text", "meant_s"), [("500ms", 0.5), ("30s", 30.0), ("1h30m", 5400.0), ("7d", 604800.0), (2, 2.0), ("2.5", 2.5)]
)
def test_a_duration_carries_its_unit_or_is_in_seconds(text: object, meant_s: float) -> None:
    assert seconds(text) == meant_s
