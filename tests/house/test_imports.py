"""Rooms import upstream only, and the pure rooms read no clock, no randomness and no environment.

Which rooms are pure stands once, in the import contract of `pyproject.toml`. The contract follows imports, also
indirect ones. What a module does without an import of its own (`datetime.now`, numpy's global generator) is checked
here.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter import cli

from tests.house.tree import ROOT, sources

CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
RANDOM = re.compile(r"(np|numpy)\.random\.(?!Generator$|default_rng$)\w+")
UNSEEDED = {"np.random.default_rng()", "numpy.random.default_rng()", "default_rng()"}


def pure_rooms() -> list[Path]:
    """The packages and modules that the contract names, as paths from the root."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [each for each in settings["tool"]["importlinter"]["contracts"] if each["name"].startswith("Pure")]
    return [Path(*name.split(".")) for name in contract["source_modules"]]


def pure_files() -> list[Path]:
    return [path for path in sources() if any(path.with_suffix("").is_relative_to(room) for room in pure_rooms())]


def impurities(code: str) -> Iterator[str]:
    """Reads of a clock or of global randomness: `line: what`."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if RANDOM.fullmatch(name) or any(name.endswith(call) for call in CLOCKS):
                yield f"{node.lineno}: {name}"
        elif isinstance(node, ast.Call) and ast.unparse(node) in UNSEEDED:
            yield f"{node.lineno}: {ast.unparse(node)}"


def test_every_import_contract_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert cli.lint_imports(cache_dir=None) == cli.EXIT_STATUS_SUCCESS


def test_the_contract_names_the_pure_rooms() -> None:
    expected = {
        "detectors", "classifiers", "streams/intake", "streams/windows", "streams/shard", "streams/pipeline",
        "streams/ownership", "streams/presence", "streams/page",
    }
    assert {str(room) for room in pure_rooms()} == expected


@pytest.mark.parametrize("room", pure_rooms(), ids=str)
def test_a_pure_room_has_files(room: Path) -> None:
    assert [path for path in pure_files() if path.with_suffix("").is_relative_to(room)] != []


@pytest.mark.parametrize("path", pure_files(), ids=str)
def test_a_pure_module_takes_time_and_randomness_as_arguments(path: Path) -> None:
    assert list(impurities((ROOT / path).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import datetime\ndatetime.datetime.now()", "from datetime import datetime\nstart = datetime.now()",
        "import numpy as np\nnp.random.default_rng()", "import numpy as np\nnp.random.normal()",
    ],
)
def test_the_check_of_purity_finds_impure_code(code: str) -> None:
    assert len(list(impurities(code))) == 1
