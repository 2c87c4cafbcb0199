"""A pattern that is not written in the code is matched by RE2, so no configuration and no person can stop a process."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.tree import ROOMS, ROOT, sources

CALLS = frozenset({"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"})
WRITTEN_IN_THE_CODE = {
    "classifiers/evidence/families.py": "FAMILIES",
    "config/fields.py": "the arguments of `matching`, and the units of a duration",
    "config/checks/shell_patterns.py": "the table above it",
    "actions/playbooks/playbook.py": "escaped texts, with [^/]+ for each placeholder",
}
"""Files whose patterns are no literals at the call, and where these come from."""


def computed_patterns(source: str) -> list[int]:
    """The lines where Python's `re` is given a pattern that is no literal."""
    return [
        node.lineno for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS
        and isinstance(node.func.value, ast.Name) and node.func.value.id == "re"
        and not isinstance(node.args[0], ast.Constant)
    ]


@pytest.mark.parametrize("path", [each for each in sources() if each.parts[0] in ROOMS], ids=str)
def test_a_pattern_for_pythons_re_is_written_in_the_code(path: Path) -> None:
    if path.as_posix() not in WRITTEN_IN_THE_CODE:
        assert computed_patterns((ROOT / path).read_text(encoding="utf-8")) == []


def test_a_pattern_from_elsewhere_is_found() -> None:
    assert computed_patterns("import re\nre.compile('a')\nre.fullmatch(pattern, text)\nre.sub(f'{x}', '', x)") == [3, 4]
