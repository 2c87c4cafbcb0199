"""Mistakes in the section `audiences` and in the files of its templates, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from actions.audiences.audience import READERS
from actions.audiences.sandbox import faults
from actions.audiences.values import VARIABLES
from classifiers.validation_errors import shown
from config.audiences.sections import reader_of
from config.errors import Problem
from config.source import Node, as_mapping, problem_at


def mistaken_audiences(written: Mapping[str, Any], tree: Node) -> Iterator[Problem]:
    """Audiences without a reader, and templates that cannot be used."""
    for name, section in as_mapping(written.get("audiences")).items():
        section = as_mapping(section)
        if "reader" not in section and reader_of(name) is None:
            yield problem_at(tree, ("audiences", name), shown(name), f"a setting reader: {', '.join(READERS)}")
        for event, file in as_mapping(section.get("templates")).items():
            if isinstance(file, str):
                yield from _mistaken_template(tree, name, event, file)


def _mistaken_template(tree: Node, name: str, event: str, file: str) -> Iterator[Problem]:
    try:
        source = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        yield problem_at(tree, ("audiences", name, "templates", event), shown(file), f"a readable file ({reason})")
        return
    for fault in faults(source, VARIABLES):
        yield Problem(file, fault.line, "", fault.value, fault.expected)
