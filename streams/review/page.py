"""The review as one HTML page with its plot inside: no script, no external resource, and a policy that forbids both.

The Markdown is rendered with HTML switched off, so that what people and telemetry wrote is shown and never executed.
"""

from __future__ import annotations

import re
from html import escape

from markdown_it import MarkdownIt

from streams.review.document import PLOT
from streams.review.human import without_markers

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color:#1f1f1f;background:#fff}"
    "table{border-collapse:collapse;font-size:14px;display:block;overflow-x:auto}"
    "th,td{border:1px solid #ccc;padding:4px 8px;text-align:left;vertical-align:top}th{background:#f2f2f2}"
    "h1{font-size:1.5em}h2{font-size:1.2em;margin-top:1.8em;border-bottom:1px solid #ccc}svg{width:100%;height:auto}"
)
_IMAGE = re.compile(r"<img [^>]*>")


def html_of(markdown: str, plot: str, title: str) -> str:
    """The page. plot: trusted SVG, put where the Markdown marks it. title: escaped here."""
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    before, _, after = without_markers(markdown).partition(PLOT)
    body, rest = (_IMAGE.sub("", renderer.render(one)) for one in (before, after))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        f'content="{POLICY}"><meta name="referrer" content="no-referrer"><meta name="viewport" '
        f'content="width=device-width"><title>{escape(title)}</title><style>{STYLE}</style></head>\n'
        f"<body>\n{body}{plot}\n{rest}</body></html>\n"
    )
