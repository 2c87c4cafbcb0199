"""Makes text from telemetry inert: it shows what was written and does nothing, in whichever channel. Pure."""

from __future__ import annotations

import re
import unicodedata

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MARKDOWN = re.compile(r"([\\`*_~|>#\[\]()<:@!+\-])")
SHOWN = "\ufffd"
"""Stands for a character that would not be seen, or would turn the text around."""


def plain(text: str) -> str:
    """The text without control characters and marks of direction; new lines and tabs stay.

    >>> plain("r0\\x07\\u202egnp")
    'r0\\ufffd\\ufffdgnp'
    """
    return "".join(SHOWN if _is_hidden(each) else each for each in text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str, longest: int) -> str:
    """The text on one line, cut to a length."""
    return shortened(" ".join(plain(text).split()), longest)


def shortened(text: str, longest: int) -> str:
    """The text, cut to a length with an ellipsis."""
    return text if len(text) <= longest else text[:longest - 1] + "\u2026"


def for_slack(text: str) -> str:
    """The text for a field that Slack reads as mrkdwn: no mention, link or entity comes of it.

    >>> for_slack("<!channel> a&b")
    '&lt;!channel&gt; a&amp;b'
    """
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def for_markdown(text: str) -> str:
    """The text for a reader of Markdown: each character that could be markup is escaped.

    >>> for_markdown("[x](javascript:1)")
    '\\\\[x\\\\]\\\\(javascript\\\\:1\\\\)'
    """
    return _MARKDOWN.sub(r"\\\1", plain(text))


def _is_hidden(character: str) -> bool:
    if character in "\n\t":
        return False
    return character in _BIDI or unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs")
