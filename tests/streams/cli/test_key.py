"""`tocsin key`: private keys stay in files of their owner, and what is printed can be used as it is."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from actions.trust.key_files import KeyFileError, exposed, read_private
from actions.trust.keys import public_text
from config import examine, load
from config.trust.build import directory_of
from streams.cli import main
from tests.kafka.client.snippets import snippet


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["key", *map(str, arguments)])


def test_a_new_key_is_readable_by_its_owner_alone_and_only_its_public_part_is_printed(tmp_path: Path) -> None:
    file = tmp_path / "w1.key"
    result = run("new", file, "--id", "w1", "--for", "watch", "--for", "execute")
    assert result.exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = file.read_text().splitlines()[1]
    assert secret not in result.output
    assert public_text(read_private(file).public_key()) in result.output


def test_the_printed_lines_are_a_valid_configuration_and_the_key_is_listed(tmp_path: Path) -> None:
    printed = run("new", tmp_path / "w1.key", "--id", "w1", "--for", "watch", "--until", "2001-01-01").output
    site = tmp_path / "site.yaml"
    site.write_text(f"version: 1\n{printed}")
    listed = run("list", "--config", site).output.split()
    assert listed[:3] == ["w1", "watch", "expired"]


def test_a_personal_key_is_printed_for_its_person(tmp_path: Path) -> None:
    printed = run("new", tmp_path / "a.key", "--id", "anna-1", "--person", "anna").output
    site = tmp_path / "site.yaml"
    site.write_text(f"version: 1\n{printed}")
    assert run("list", "--config", site).output.split()[:3] == ["anna-1", "person", "anna"]


@pytest.mark.parametrize("options", [
    ["--id", "w1"], ["--id", "w1", "--for", "watch", "--person", "anna"], ["--id", "w 1", "--for", "watch"],
])
def test_a_key_of_nobody_or_of_a_bad_id_is_refused_and_no_file_is_written(tmp_path: Path, options: list[str]) -> None:
    result = run("new", tmp_path / "k", *options)
    assert (result.exit_code, (tmp_path / "k").exists()) == (2, False)


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "w1.key"
    file.write_text("precious")
    assert run("new", file, "--id", "w1", "--for", "watch").exit_code == 2
    assert file.read_text() == "precious"


def test_a_private_file_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    file, site = tmp_path / "w1.key", tmp_path / "site.yaml"
    lines = run("new", file, "--id", "w1", "--for", "watch").output
    site.write_text(f"version: 1\n{lines.replace('signing:', f'signing:{chr(10)}  private_file: {file}')}")
    assert examine(site, {})[1] == ()
    file.chmod(0o640)
    assert exposed(file) == f"{file}: mode 0640, expected 0600: others can read or replace the key"
    (warning,) = examine(site, {})[1]
    assert (warning.path, "0640" in warning.value) == ("signing.private_file", True)


@pytest.mark.parametrize(("mode", "is_right"), [(0o440, True), (0o640, True), (0o660, False), (0o444, False)])
def test_the_file_of_another_owner_may_be_read_by_its_group(
    mode: int, is_right: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "w1.key"
    file.touch()
    file.chmod(mode)
    owner = file.stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)  # a Secret in a pod is root's, and of the pod's group
    assert (exposed(file) is None) == is_right


def test_a_file_without_a_key_is_refused_without_a_word_of_its_content(tmp_path: Path) -> None:
    file = tmp_path / "w1.key"
    file.write_text("hunter2")
    with pytest.raises(KeyFileError) as raised:
        read_private(file)
    assert "hunter2" not in str(raised.value)


def test_a_token_is_readable_by_its_owner_alone_and_the_printed_lines_let_its_person_in(tmp_path: Path) -> None:
    file = tmp_path / "ben.token"
    printed = run("token", file, "--person", "ben")
    assert (printed.exit_code, stat.S_IMODE(file.stat().st_mode)) == (0, 0o600)
    assert file.read_text() not in printed.output
    (tmp_path / "site.yaml").write_text(f"version: 1\n{printed.output}")
    people = load(tmp_path / "site.yaml", {}).people
    assert directory_of(people, lambda _: ()).of_token(file.read_text()) == "ben"


def test_a_token_never_takes_the_place_of_a_file_nor_has_a_person_without_a_name(tmp_path: Path) -> None:
    file = tmp_path / "ben.token"
    assert (run("token", file, "--person", "b en").exit_code, file.exists()) == (2, False)
    file.write_text("precious")
    assert (run("token", file, "--person", "ben").exit_code, file.read_text()) == (2, "precious")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
def test_the_commands_on_security_make_a_token_and_the_hash_that_lets_its_person_in(tmp_path: Path) -> None:
    commands = snippet("docs/security.md", "sh", "printf %s")
    done = subprocess.run(["sh", "-ec", commands], cwd=tmp_path, capture_output=True, text=True, check=True)
    (tmp_path / "site.yaml").write_text(f"people: {{ben: {{roles: viewer, token_sha256: {done.stdout.strip()!r}}}}}\n")
    people = load(tmp_path / "site.yaml", {}).people
    assert directory_of(people, lambda _: ()).of_token((tmp_path / "ben.token").read_text()) == "ben"
