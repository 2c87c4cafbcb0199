"""Level and severity over time as inline SVG: no script, no style sheet, no external resource. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape

from actions.channels.inert import one_line
from classifiers.model import NOTIFICATIONS
from classifiers.verdict.hysteresis import SEVERITY_ORDER
from streams.review.facts import Facts

WIDTH, HEIGHT = 860, 300
MAX_WORDS = 120
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 44, 40
_LEVEL = re.compile(r"level (\d+(?:\.\d+)?)")
LEGEND = "seconds since the onset; dots: levels (dashed: from here on an alarm); bar: the incident is open"
COLOURS = {"level": "#b3261e", "budget": "#5f6368", "state": "#1a5fb4", "action": "#26734d"}


def plot_of(facts: Facts) -> str:
    """The plot: each level that is known as a dot, the incident's life as a bar with its severity, actions as lines."""
    own = facts.incident
    dots = sorted({(one.start_s, one.level) for one in own.evidence if one.level is not None} | set(_alarms(facts)))
    times = [own.onset_at_s, own.opened_at_s, *(at_s for at_s, _ in dots), *(step.at_s for step in facts.steps)]
    end_s = max(times) if own.resolved_at_s is None else max(own.resolved_at_s, *times)
    begin_s = min(times)
    span_s = max(end_s - begin_s, 1.0)
    highest = max([2.0, *(level for _, level in dots)])
    top = highest * 1.1

    def x(at_s: float) -> float:
        return LEFT + (at_s - begin_s) / span_s * (WIDTH - LEFT - RIGHT)

    def y(level: float) -> float:
        return HEIGHT - BOTTOM - level / top * (HEIGHT - TOP - BOTTOM)

    title = f"Level of the evidence and severity of {own.id} over time"
    marks = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" '
        f'font-size="12"><title>{escape(title)}</title>',
        f'<rect x="{x(own.opened_at_s):.1f}" y="8" width="{max(x(end_s) - x(own.opened_at_s), 2):.1f}" height="20" '
        f'fill="{COLOURS["state"]}" fill-opacity="0.15"/>',
        *_severities(facts, x),
        _line(LEFT, y(1.0), WIDTH - RIGHT, y(1.0), COLOURS["budget"], "4 3"),
        _text(LEFT - 6, y(1.0) + 4, "1", "end"), _text(LEFT - 6, y(highest) + 4, f"{highest:.1f}", "end"),
        _text(LEFT - 6, y(0.0) + 4, "0", "end"),
        _line(LEFT, y(0.0), WIDTH - RIGHT, y(0.0), "#000", ""), _line(LEFT, TOP, LEFT, y(0.0), "#000", ""),
        *(f'<circle cx="{x(at_s):.1f}" cy="{y(level):.1f}" r="4" fill="{COLOURS["level"]}"/>' for at_s, level in dots),
    ]
    for one in own.actions:
        if one.kind not in NOTIFICATIONS and begin_s <= one.decided_at_s <= end_s:
            marks.append(_line(x(one.decided_at_s), TOP, x(one.decided_at_s), y(0.0), COLOURS["action"], ""))
            marks.append(_text(x(one.decided_at_s) + 4, TOP + 12, f"{one.kind}: {one.status}"))
    marks += [
        _text(x(begin_s), HEIGHT - 22, f"{begin_s - own.onset_at_s:+.0f} s"),
        _text(x(end_s), HEIGHT - 22, f"{end_s - own.onset_at_s:+.0f} s", "end"),
        _text(WIDTH / 2, HEIGHT - 6, LEGEND, "middle"),
        "</svg>",
    ]
    return "".join(marks)


def _severities(facts: Facts, x: Callable[[float], float]) -> Iterator[str]:
    """What is known of the severity: at the opening, and the worst. When it changed in between is on no record."""
    own = facts.incident
    first = own.opened_severity or own.severity
    words: str = first
    if SEVERITY_ORDER.index(own.peak_severity) < SEVERITY_ORDER.index(first):
        words = f"{first}, at its worst {own.peak_severity}"
    yield _text(max(x(own.opened_at_s) + 4, LEFT), 22, words)
    yield _text(LEFT - 6, 22, "open", "end")
    yield _text(LEFT - 6, TOP + 2, "level", "end")


def _alarms(facts: Facts) -> Iterator[tuple[float, float]]:
    for step in facts.steps:
        match = _LEVEL.search(step.reason) if step.event == "alarm" else None
        if match is not None:
            yield step.at_s, float(match[1])


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, dashes: str) -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dashed}/>'


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(one_line(words, MAX_WORDS))}</text>'
