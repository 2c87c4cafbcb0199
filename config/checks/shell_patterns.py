"""Shell patterns that look like regular expressions: they are valid, and match something else than was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from config.checks.settings import settings_at
from config.errors import Problem
from config.source import Node, as_list, problem_at

SHELL_PATTERNS = (
    "services.*.match", "playbooks.*.match.service", "triage.dependencies.*.service", "triage.dependencies.*.on",
    "detection.profiles.*.labels.*",
)
"""The settings that are shell patterns, or lists of them."""
OF_ALLOW_FILE = ("allow.*.targets", "allow.*.versions")
"""Those of the executor's allow-list."""
_LOOKS_REGULAR = re.compile(r"^\^|\$$|\.[*+?]|\\|\||\]\+")
_SHELL = (
    (r"^\^", ""), (r"\$$", ""), (r"\.\*", "*"), (r"\.\+", "?*"), (r"\\d\+?", "[0-9]"), (r"\\w\+?", "*"), (r"\]\+", "]"),
    (r"\\", ""), (r"\.\?", "?"),
)


def regular_expressions(
    written: Mapping[str, Any], tree: Node, settings: tuple[str, ...] = SHELL_PATTERNS,
) -> Iterator[Problem]:
    """Warnings of shell patterns of the operator's file, each with the pattern that was probably meant."""
    for setting in settings:
        for place, value in settings_at(written, setting):
            for within, pattern in [((), value)] if isinstance(value, str) else [
                ((index,), item) for index, item in enumerate(as_list(value)) if isinstance(item, str)
            ]:
                where = (*place, *within)
                if _LOOKS_REGULAR.search(pattern) and tree.at(where).file == tree.file:
                    yield problem_at(tree, where, repr(pattern), f"a shell pattern ({_meant(pattern)})")


def _meant(pattern: str) -> str:
    """What to write instead.

    >>> _meant("^chat.*$"), _meant("(a|b)")
    ("as 'chat*'; it is no regular expression", 'with *, ? and [abc] alone, and each alternative of its own; it is no \
regular expression')
    """
    if "|" in pattern or "(" in pattern:
        return "with *, ? and [abc] alone, and each alternative of its own; it is no regular expression"
    for regular, shell in _SHELL:
        pattern = re.sub(regular, shell, pattern)
    return f"as {pattern!r}; it is no regular expression"
