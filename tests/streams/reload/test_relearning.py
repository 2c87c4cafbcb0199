"""What `tocsin config diff` says of learning agrees with what a shard does (`tests/streams/shard/changed`)."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli import main
from streams.planning import plan_of
from streams.reload.relearning import relearning
from tests.streams.fakes import config_of


@pytest.mark.parametrize(
    ("new", "lines"),
    [
        ("triage: {confirm_instants: 7}", ()),
        ("detection: {cusum: {clip: 99.0}}", ("cusum: of every series",)),
        (
            "detection: {profiles: [{name: latency, min_rel: 0.77}]}",
            ("every detector: of the series of profile latency",),
        ),
        ("detection: {profiles: [{name: latency, high: 77.0}]}", ()),
        ("windows: {rate_metric: rps}", ("every series: windows or scopes are cut otherwise",)),
        ("inputs: [{topic: inference.tokens}]", (
            "every series: inference.confidence, inference.latency is no longer read",
        )),
    ],
)
def test_what_would_be_learned_anew_is_named(tmp_path: Path, new: str, lines: tuple[str, ...]) -> None:
    old = plan_of(config_of(tmp_path, "version: 1\n"))
    assert relearning(old, plan_of(config_of(tmp_path, f"version: 1\n{new}\n"))) == lines


def test_the_command_says_what_differs_what_is_learned_anew_and_what_needs_a_restart(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text("version: 1\n")
    new.write_text("version: 1\ntriage: {confirm_instants: 7}\nkafka: {group: other}\n")
    found = CliRunner().invoke(main, ["config", "diff", str(old), str(new)])
    assert found.exit_code == 1
    settings, rest = found.stdout.split("learned anew\n")
    learned, at_start = rest.split("takes effect at the next start only; the rest at a reload\n")
    assert "kafka.group: tocsin -> other" in settings
    assert "triage.confirm_instants: " in settings
    assert (learned, at_start) == ("  nothing\n", "  kafka.group\n")
    assert CliRunner().invoke(main, ["config", "diff", str(old), str(old)]).stdout == "nothing changes\n"
    new.write_text("triage: {confirm_instants: many}\n")
    assert CliRunner().invoke(main, ["config", "diff", str(old), str(new)]).exit_code != 0
