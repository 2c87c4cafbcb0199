"""Text from telemetry and from people, made inert before a template shows it. Pure.

What reaches a template is already without line breaks, control characters, marks of direction, mentions and links, so a
text is harmless as it is, and each channel escapes it once more in its own syntax. Data is never read as a template:
Jinja2 evaluates the template alone.
"""

from __future__ import annotations

from actions.channels.inert import one_line

LONGEST = 200
AT = "\uff20"
"""Looks like @, and no service reads it as a mention."""


def label(text: str, longest: int = LONGEST) -> str:
    """One line that mentions nobody and links nowhere, cut to a length.

    >>> label("@here see https://x")
    '\uff20here see https[:]//x'
    """
    return one_line(text, longest).replace("@", AT).replace("://", "[:]//")
