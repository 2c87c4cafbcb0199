"""`tocsin config diff`: exit codes, and values as the file writes them."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from streams.cli import main


def diff(tmp_path: Path, old: str, new: str) -> Result:
    files = tmp_path / "old.yaml", tmp_path / "new.yaml"
    for file, text in zip(files, (old, new), strict=True):
        file.write_text(f"version: 1\n{text}\n")
    return CliRunner().invoke(main, ["config", "diff", *map(str, files)])


def test_a_difference_is_exit_code_1_and_durations_have_their_unit(tmp_path: Path) -> None:
    done = diff(tmp_path, "", "detection: {false_alarm_every: 30d}\nkafka: {group: other}")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "settings", "  kafka.group: tocsin -> other", "  detection.false_alarm_every: 7d -> 30d", "learned anew",
        *done.stdout.splitlines()[4:-2], "takes effect at the next start only; the rest at a reload", "  kafka.group",
    ]


def test_no_difference_is_exit_code_0(tmp_path: Path) -> None:
    done = diff(tmp_path, "windows: {size: 1000ms}", "windows: {size: 1s}")
    assert (done.exit_code, done.stdout) == (0, "nothing changes\n")


def test_an_invalid_configuration_is_exit_code_2(tmp_path: Path) -> None:
    assert diff(tmp_path, "", "windows: {size: soon}").exit_code == 2


def test_the_files_of_secrets_need_not_be_there(tmp_path: Path) -> None:
    secret = "channels: {chat: {kind: discord, webhook_url_file: /nowhere/discord}}"
    done = diff(tmp_path, secret, f"{secret}\nlimits: {{cooldown: 6m}}")
    assert (done.exit_code, "  limits.cooldown: 5m -> 6m" in done.stdout) == (1, True), done.output
