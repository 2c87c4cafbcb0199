"""Every path, command and make target that a document names exists."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from streams.cli import COMMANDS
from tests.house.tree import ROOT, sources, tracked

TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
SPAN = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
PATH = re.compile(r"(?<![\w./:{$-])((?:\.ci|[a-z_]+)/[\w./-]*\w|[\w-]+\.(?:toml|txt|md|yaml|py))(?![\w/*{:<])")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMMAND = re.compile(r"(?:^|[\s/`$])tocsin ([a-z][a-z-]+)")
TARGET = re.compile(r"(?:^|[\s`$])make ([a-z][a-z-]*)")
MADE_LATER = re.compile(r"out/|\.venv/|build/|dist/")
# Names that are not in this repository: files of the reader, or of a tool.
ELSEWHERE = {
    "site.yaml", "first.yaml", "oncall.yaml", "old.yaml", "new.yaml", "producer.py", "rollback.yaml",
    "tuned.yaml", "incidents.jsonl", "actions.jsonl",
    "audit.jsonl", "apache/kafka",
}


def documents() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md" and "vendor" not in path.parts]


def named_paths(path: Path) -> Iterator[str]:
    """What a document names in code spans and links: a path from the root, or beside the document."""
    text = (ROOT / path).read_text(encoding="utf-8")
    yield from LINK.findall(text)
    for span in SPAN.findall(text):
        for name in PATH.findall(span):
            top = name.split("/")[0]
            if name not in ELSEWHERE and not MADE_LATER.match(name) and ("/" not in name or (ROOT / top).exists()):
                yield name


@pytest.mark.parametrize("path", documents(), ids=str)
def test_every_path_that_a_document_names_exists(path: Path) -> None:
    beside = (ROOT / path).parent
    missing = [n for n in named_paths(path) if not ((ROOT / n).exists() or (beside / n).exists() or _somewhere(n))]
    assert missing == []


def _somewhere(name: str) -> bool:
    """A bare file name may stand for a file of a room, as `model.py` does in a sentence about its room."""
    return "/" not in name and any(path.name == name for path in tracked())


@pytest.mark.parametrize("path", documents(), ids=str)
def test_every_command_that_a_document_names_exists(path: Path) -> None:
    spans = "\n".join(SPAN.findall((ROOT / path).read_text(encoding="utf-8")))
    assert sorted(set(COMMAND.findall(spans)) - set(COMMANDS)) == []
    assert sorted(set(TARGET.findall(spans)) - TARGETS) == []


@pytest.mark.parametrize("path", [path for path in documents() if path.parts[0] == "docs"], ids=str)
def test_every_class_and_method_that_a_page_names_exists(path: Path) -> None:
    spans = "\n".join(SPAN.findall((ROOT / path).read_text(encoding="utf-8")))
    named = set(re.findall(r"`([A-Z][a-z]\w*(?:\.\w+)?)[`(]", spans))
    assert sorted(named - defined() - set(dir(builtins))) == []


@cache
def defined() -> frozenset[str]:
    """Every class of the repository as `Class`, and each of its methods as `Class.method`."""
    classes = (
        node for source in sources() for node in ast.walk(ast.parse((ROOT / source).read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    return frozenset(
        name for one in classes
        for name in (one.name, *(f"{one.name}.{part.name}" for part in one.body if isinstance(part, FUNCTIONS)))
    )


def test_every_path_in_the_picture_of_the_walk_exists() -> None:
    picture = (ROOT / "docs" / "walk.svg").read_text(encoding="utf-8")
    named = re.findall(r"\b(?:streams|detectors|classifiers|actions)/[\w/.]*", picture)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_glossary_is_in_alphabetical_order_and_names_a_module_for_each_term() -> None:
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][1:]
    assert [term for term, *_ in rows] == sorted(term for term, *_ in rows)
    assert [term for term, _, where in rows if not PATH.search(where)] == []
