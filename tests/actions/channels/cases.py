"""Messages for the tests of channels, and labels that try to do something."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from actions.channels.message import Button, Message

HOSTILE = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "@here", "@everyone", "<!channel>", "<!here|here>",
    "<@U7A>", "<https://evil.example|click>", "{{7*7}}", "{% for x in ().__class__.__mro__ %}x{% endfor %}", "${7*7}",
    "[x](javascript:alert(1))", "**bold** _it_ `code`", "a\r\nBcc: evil@example.com", "a\n\n.\nQUIT", "\u202egnp.exe",
    "\x00\x07\x1b[31mred", "[code]<b>x</b>[/code]", "'; DROP TABLE x; --", "&lt;!channel&gt; &amp;",
)
"""Twenty labels."""
MESSAGE = Message(
    "n1", "inc-1", "open", "/tocsin/t/inc-1", "/tocsin/t/inc-1", None, "P1", "[P1] Opened: v2 is slow",
    "service chat, version v2\nlatency is 5 times what is expected",
    buttons=(Button("acknowledge", "Acknowledge", "inc-1"),),
)


def with_label(label: str) -> Message:
    """A message whose title and text hold a label from telemetry."""
    return replace(MESSAGE, title=f"[P1] Opened: replica {label} is slow", text=f"replica {label}\nis slow")


def said(**over: Any) -> Message:
    """The message with other values."""
    return replace(MESSAGE, **over)
