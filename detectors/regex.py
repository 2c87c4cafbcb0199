"""Regular expressions in the syntax of RE2, for every pattern and every text that comes from outside of the code.

RE2 needs time linear in the text, whatever the pattern; the engine of Python's `re` may need exponential time, so that
one pattern such as `(a+)+$` stops a process. Syntax: https://github.com/google/re2/wiki/Syntax. `\\d`, `\\w` and `\\s`
are of ASCII.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import re2  # type: ignore[import-untyped]

MAX_MEMORY_BYTES = 262_144
"""Of one compiled pattern. It bounds the factor of the linear time: some 10,000 steps for each character."""
_LACKS = "RE2 has no look-around, no back references, and no atomic or possessive groups"


class Regex(Protocol):
    """A compiled pattern."""

    def fullmatch(self, text: str) -> object | None:
        """The match of the whole text; None where it does not fit."""


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Regex:
    """A pattern, ready to match. Raises `ValueError` with what is wrong with it. Cached: about 0.1 us a call."""
    options = re2.Options()
    options.max_mem = MAX_MEMORY_BYTES
    options.never_capture = True
    options.log_errors = False
    try:
        regex: Regex = re2.compile(pattern, options)
    except UnicodeEncodeError:
        raise ValueError(f"{pattern!r} is no Unicode text") from None
    except re2.error as error:
        raise ValueError(f"{error.args[0].decode(errors='replace')}; {_LACKS}") from None
    return regex


@lru_cache(maxsize=4096)
def matches(pattern: str, text: str) -> bool:
    """Whether a pattern fits the whole of a short text. Raises `ValueError` as `compiled` does. Cached.

    >>> matches("(a+)+", "a" * 10_000), matches("batch-.*", "chat")
    (True, False)
    """
    return compiled(pattern).fullmatch(text) is not None
