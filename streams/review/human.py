"""The parts of a review that people write: kept word for word whenever its facts are written again. Pure.

Each part stands between two marker lines, `<!-- people: NAME -->` and `<!-- end: NAME -->`. What stands outside is
written anew each time. A review whose markers are broken is refused, so that nobody's text is lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

PROMPTS: Mapping[str, str] = {
    "summary": "_In three sentences: what happened, what users felt, what ended it._",
    "whys": "1. Why did users notice it? _..._\n2. Why did that happen? _..._\n3. Why? _..._\n4. Why? _..._\n"
            "5. Why? _..._",
    "factors": "_What contributed: a change, load, a missing alarm, a hand-over, a runbook, a dependency?_",
    "went": "- What went well: _..._\n- What went badly: _..._\n- Where we were lucky: _..._",
    "items": "_One a line, such as:_\n\n    - [ ] Pin the driver version (owner: ben, due: 2026-12-01)",
}
"""What stands in each part before anybody wrote there."""
_MARKER = re.compile(r"^<!-- (people|end): ([a-z]+) -->$", re.MULTILINE)


class BrokenReview(ValueError):  # noqa: N818  it is the review that is broken
    """A review whose markers do not pair. line: of the first marker that is wrong, counted from 1."""

    def __init__(self, line: int, found: str, expected: str) -> None:
        self.line = line
        super().__init__(f"got {found}, expected {expected}")


def parts_of(markdown: str) -> dict[str, str]:
    """The text of each part as people left it; raises `BrokenReview`."""
    found: dict[str, str] = {}
    name, start, line = "", 0, 1
    for match in _MARKER.finditer(markdown):
        line = markdown.count("\n", 0, match.start()) + 1
        kind, own = match.groups()
        if kind == "people":
            if name or own in found or own not in PROMPTS:
                expected = f"<!-- end: {name} -->" if name else f"a part of its own, one of {', '.join(PROMPTS)}"
                raise BrokenReview(line, match.group(), expected)
            name, start = own, match.end() + 1
        elif own != name:
            expected = f"<!-- end: {name} -->" if name else "<!-- people: ... --> before it"
            raise BrokenReview(line, match.group(), expected)
        else:
            found[name] = markdown[start:max(match.start() - 1, start)]
            name = ""
    if name:
        raise BrokenReview(line, "the end of the file", f"<!-- end: {name} -->")
    missing = [one for one in PROMPTS if one not in found]
    if markdown.strip() and missing:
        raise BrokenReview(1, "no such line", f"<!-- people: {missing[0]} -->")
    return found


def part(name: str, kept: Mapping[str, str]) -> str:
    """A part with its markers: as people left it, or its prompt."""
    return f"<!-- people: {name} -->\n{kept.get(name, PROMPTS[name])}\n<!-- end: {name} -->"


def without_markers(markdown: str) -> str:
    """The review for reading."""
    return _MARKER.sub("", markdown)
