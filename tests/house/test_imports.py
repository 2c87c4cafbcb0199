"""Rooms import upstream only, and what is pure looks at no clock, no dice and no environment."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter import cli

from tests.house.tree import ROOT, sources

PURE = (
    "detectors/**/*.py", "classifiers/**/*.py",
    *(f"config/{name}.py" for name in ("checks", "errors", "explain", "fields", "identity", "models", "source")),
    *(f"actions/{name}.py" for name in ("ledger", "limits", "model", "playbook", "policy", "records")),
    *(f"streams/{name}.py" for name in (
        "contracts/envelopes", "intake/codec", "intake/columns", "intake/dead_letters", "intake/scopes",
        "intake/validation", "kafka/batches", "pipeline", "replay/recordings", "replay/replay", "shard/decisions",
        "shard/detection", "shard/plan", "shard/readings", "shard/rows", "windows/accumulators",
        "windows/event_clock", "windows/series", "windows/window_snapshot", "windows/windower",
    )),
)
IMPURE_MODULES = {"asyncio", "os", "random", "secrets", "socket", "subprocess", "threading", "time", "uuid"}
IMPURE_CALLS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
DICE = re.compile(r"(np|numpy)\.random\.(?!Generator$|default_rng$)\w+")
UNSEEDED = {"np.random.default_rng()", "numpy.random.default_rng()", "default_rng()"}


def pure_files() -> list[Path]:
    return [path for path in sources() if any(_matches(path, pattern) for pattern in PURE)]


def _matches(path: Path, pattern: str) -> bool:
    folder, _, name = pattern.partition("/**/")
    return path.is_relative_to(folder) if name else str(path) == pattern


def impurities(code: str) -> Iterator[str]:
    """What a module does that only `streams/app.py` may: `line: what`."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            names = [module or ""] if module else [alias.name for alias in node.names]
            yield from (f"{node.lineno}: import {name}" for name in names if name.split(".")[0] in IMPURE_MODULES)
        elif isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if DICE.fullmatch(name) or any(name.endswith(call) for call in IMPURE_CALLS):
                yield f"{node.lineno}: {name}"
        elif isinstance(node, ast.Call) and ast.unparse(node) in UNSEEDED:
            yield f"{node.lineno}: {ast.unparse(node)}"


def test_every_import_contract_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert cli.lint_imports(cache_dir=None) == cli.EXIT_STATUS_SUCCESS


@pytest.mark.parametrize("path", pure_files(), ids=str)
def test_a_pure_module_takes_time_chance_and_environment_as_arguments(path: Path) -> None:
    assert list(impurities((ROOT / path).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import time", "from os import environ", "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime\nstart = datetime.now()", "import numpy as np\nnp.random.default_rng()",
    ],
)
def test_the_check_of_purity_sees_what_it_must(code: str) -> None:
    assert len(list(impurities(code))) == 1


def test_a_pure_module_that_moved_is_missed() -> None:
    assert [pattern for pattern in PURE if not any(_matches(path, pattern) for path in sources())] == []
