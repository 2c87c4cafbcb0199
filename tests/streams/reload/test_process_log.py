from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from config import config_hash, load
from streams.reload.process_log import start_facts, stop_reason


@dataclass(frozen=True)
class Stopping:
    crash_reason: BaseException | None = None
    stop_signal: str | None = None


def test_the_start_line_has_release_brokers_group_inputs_and_configuration() -> None:
    config = load(None, {"TOCSIN_BROKERS": "a:1,b:2"})
    assert start_facts(config, Path("site.yaml"), "g") == {
        "version": version("tocsin"), "brokers": "a:1,b:2", "group": "g",
        "inputs": [one.topic for one in config.inputs], "config": "site.yaml", "config_hash": config_hash(config),
    }
    assert start_facts(config, None, "g")["config"] == "the shipped default"


def test_a_stop_has_its_own_reason_then_the_error_then_the_signal() -> None:
    error = RuntimeError("no room")
    assert stop_reason(Stopping(error, "SIGTERM"), "the brake tripped") == "the brake tripped"
    assert stop_reason(Stopping(error, "SIGTERM"), None) == "RuntimeError('no room')"
    assert stop_reason(Stopping(stop_signal="SIGTERM"), None) == "SIGTERM"
    assert stop_reason(Stopping(), None) == "asked to stop"
