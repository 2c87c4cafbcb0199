"""Small files, no secrets of the machine they were written on, no package that shadows another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOMS, ROOT, sources, tracked

LINES_MAX = 400
TEXT = {".cfg", ".ini", ".json", ".md", ".py", ".sh", ".toml", ".txt", ".xml", ".yaml", ".yml", ""}
# Written in pieces: this file is searched as well.
HOSTS = ("py" r"pi\.org", "python" r"hosted\.org", "npm" r"js\.(org|com)", "crates" r"\.io", "go" r"lang\.org")
PLACES = r"(?<![\w.$}/-])/(?:wo" r"rk|ro" r"ot|ho" r"me|Us" r"ers)/\w"
MACHINE = re.compile("|".join([*HOSTS, PLACES]))


def texts() -> list[Path]:
    return [path for path in tracked() if path.suffix in TEXT and "vendor" not in path.parts]


@pytest.mark.parametrize("path", sources(), ids=str)
def test_a_source_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= LINES_MAX


@pytest.mark.parametrize("path", [path for path in sources() if path.parts[0] in ROOMS], ids=str)
def test_a_module_opens_with_a_docstring(path: Path) -> None:
    code = (ROOT / path).read_text(encoding="utf-8")
    assert code == "" or code.startswith(('"""', 'r"""'))


@pytest.mark.parametrize("path", texts(), ids=str)
def test_no_file_names_a_registry_or_a_path_of_one_machine(path: Path) -> None:
    text = (ROOT / path).read_text(encoding="utf-8", errors="replace")
    assert [match.group() for match in MACHINE.finditer(text)] == []


def test_docker_is_not_a_package() -> None:
    assert not (ROOT / "docker" / "__init__.py").exists()


def test_every_test_folder_is_a_package() -> None:
    folders = {path.parent for path in sources() if path.parts[0] == "tests"}
    assert [folder for folder in folders if not (ROOT / folder / "__init__.py").exists()] == []
