"""An install is repeatable: every requirement has its version in `constraints.txt`, and every room is in the wheel."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from tests.house.tree import ROOMS, ROOT, tracked

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def test_every_requirement_has_one_version() -> None:
    project = PROJECT["project"]
    required = [*project["dependencies"], *(r for extra in project["optional-dependencies"].values() for r in extra)]
    pinned = {_name(line) for line in CONSTRAINTS if not line.startswith("#")}
    assert {_name(requirement) for requirement in required} - pinned == {"tocsin"}


def test_the_constraints_hold_versions_and_nothing_else() -> None:
    line_of = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+( ; .+)?|#.*")
    assert [line for line in CONSTRAINTS if not line_of.fullmatch(line)] == []


def test_every_room_is_in_the_wheel() -> None:
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(packages) == set(ROOMS)
    others = {path.parts[0] for path in tracked() if path.name == "__init__.py"} - set(ROOMS)
    assert others == {"benchmarks", "tests"}
