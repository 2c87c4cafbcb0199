"""The review of an incident as Markdown: facts from the topics, and parts that people write. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from actions.audiences.labels import label
from actions.audiences.values import FEELS, REMEDIES, span_text, time_text
from actions.channels.inert import for_markdown
from actions.escalation.paged import page_of
from classifiers.model import NOTIFICATIONS, AuditEntry, Incident
from streams.review.facts import Facts, Impact, advice, impact, similar, stages
from streams.review.human import part
from streams.timeline.words import change_words, event_words, step_words

UNKNOWN = "unknown"
MAX_ROWS = 200
FOOT = "_Written by `tocsin review draft`. What stands between marker lines is yours; the rest is written anew._"
PLOT = "<!-- plot -->"
"""Where the HTML shows the plot."""


def markdown_of(facts: Facts, kept: Mapping[str, str]) -> str:
    """The whole review. kept: the parts that people wrote. The same facts and parts give the same text."""
    own = facts.incident
    sections = (
        ("", [f"# Review of {_safe(own.id)}: {_safe(own.title)}", *_head(own)]),
        ("Summary", [part("summary", kept)]),
        ("Timeline", [PLOT, *_timeline(facts)]),
        ("Evidence and scope", list(_evidence(own))),
        ("Actions and verdicts", list(_actions(own))),
        ("Times against targets", list(_stages(facts))),
        ("Business impact", list(_impact(facts))),
        ("Communication", list(_communication(facts))),
        ("Five whys", [part("whys", kept)]),
        ("Contributing factors", [part("factors", kept)]),
        ("What went well, and what did not", [part("went", kept)]),
        ("Similar incidents", list(_similar(facts))),
        ("Recommended changes of playbooks", _list(map(_sentence, advice(facts)), "None from the record of remedies.")),
        ("Action items", [part("items", kept)]),
        ("", [FOOT]),
    )
    blocks = [block for title, body in sections for block in ([f"## {title}", *body] if title else body)]
    return "\n\n".join(blocks) + "\n"


def _head(own: Incident) -> list[str]:
    ended = "still open" if own.resolved_at_s is None else (
        f"ended {_clock(own.resolved_at_s)} UTC after {span_text(own.resolved_at_s - own.onset_at_s)}"
    )
    how = "" if own.resolution is None else f" (resolution: {own.resolution})"
    return [
        f"{own.peak_severity} at its worst, {own.category.replace('_', ' ')}. "
        f"Began {_clock(own.onset_at_s)} UTC, {ended}{how}.",
        f"What users notice in such a case: {FEELS[own.category]}",
    ]


def _timeline(facts: Facts) -> Iterator[str]:
    onset_s = facts.incident.onset_at_s
    rows = [
        (_clock(step.at_s), f"{step.at_s - onset_s:+.0f} s", _safe(event_words(step.event, step.subject)),
         _safe(change_words(step) or "-"), _safe(step.reason), _safe(step.actor or "-"))
        for step in facts.steps[:MAX_ROWS]
    ]
    if not rows:
        yield "Unknown: the audit holds nothing about this incident."
        return
    yield _table(("UTC", "since onset", "event", "state", "reason", "by"), rows)
    if len(facts.steps) > MAX_ROWS:
        yield f"{len(facts.steps) - MAX_ROWS} later steps are in the audit."


def _evidence(own: Incident) -> Iterator[str]:
    parts = [
        ("service", own.service), ("model", own.model), ("version", own.version), ("replica", own.replica),
        ("tenant", own.tenant),
    ]
    yield "Scope: " + ", ".join(f"{name} {_safe(value)}" for name, value in parts if value is not None) + "."
    yield "Why it was judged so:\n\n" + "\n".join(f"- {_safe(one.text)}" for one in own.factors)
    rows = [
        (_safe(one.metric), _safe(_place(one.scope.version, one.scope.replica, one.scope.tenant)), one.direction,
         _number(one.value), _number(one.expected), _number(one.level), str(one.samples), _clock(one.start_s))
        for one in own.evidence
    ]
    if rows:
        yield _table(("metric", "part", "moved", "value", "expected", "level", "samples", "UTC"), rows)
        yield "From level 1 on a window is an alarm; each row is the worst second of its series."


def _actions(own: Incident) -> Iterator[str]:
    verdicts = {one.key: one for one in own.remedies}
    rows = []
    for one in sorted(own.actions, key=lambda each: each.decided_at_s):
        if one.kind in NOTIFICATIONS:
            continue
        verdict = verdicts.get(one.key)
        words = UNKNOWN if verdict is None else f"{REMEDIES[verdict.state]} ({verdict.samples} samples)"
        rows.append((
            _clock(one.decided_at_s), _safe(one.kind) + (", undo" if one.undo else ""), _safe(one.target), one.mode,
            _safe(step_words(one.status)), _safe(one.playbook or "-"), words,
        ))
    yield _table(("UTC", "action", "target", "mode", "status", "playbook", "verdict"), rows) if rows else \
        "No remedy was decided."


def _stages(facts: Facts) -> Iterator[str]:
    words = {True: "met", False: "missed", None: "-"}
    rows = [
        (one.stage, one.status.replace("_", " ") if one.value_s is None else f"{one.value_s:.0f} s",
         "none" if one.target_s is None else span_text(one.target_s), words[one.met])
        for one in stages(facts)
    ]
    yield _table(("from onset to", "took", "target", ""), rows)


def _impact(facts: Facts) -> Iterator[str]:
    found = impact(facts)
    tokens = UNKNOWN if found.tokens is None else ", ".join(
        f"at least {count:,.0f} ({_safe(name)})" for name, count in sorted(found.tokens.items())
    )
    reason = "" if found.cost is not None else (
        " (no tokens are known)" if found.tokens is None else " (no price is configured for them: `review.prices`)"
    )
    yield _table(("what", "how much"), (
        ("requests", UNKNOWN if found.requests is None else f"at least {found.requests}"),
        ("tenants", UNKNOWN if found.tenants is None else
         f"at least {len(found.tenants)}: {', '.join(map(_safe, found.tenants))}"),
        ("users", _users(found, facts)), ("tokens", tokens),
        ("cost", UNKNOWN + reason if found.cost is None else
         f"at least {found.cost:.4f} {facts.settings.currency} for these tokens"),
    ))
    yield "\"At least\" counts the seconds that were published as evidence. The whole incident had more."


def _users(found: Impact, facts: Facts) -> str:
    if not facts.settings.tenants_are_persons:
        return f"{UNKNOWN} (records name tenants, not users; where a tenant is a user, `labels.hashed` says so)"
    return UNKNOWN if found.tenants is None else f"at least {len(found.tenants)} (each tenant is a user)"


def _communication(facts: Facts) -> Iterator[str]:
    own = facts.incident
    rows = [
        (one.decided_at_s, f"notification ({_safe(one.step_id or 'open')})", _safe(one.target),
         _safe(step_words(one.status)))
        for one in own.actions if one.kind in NOTIFICATIONS
    ]
    rows += [(one.at_s, "update", _safe(one.by), _safe(one.text)) for one in own.notes]
    if own.acknowledged is not None:
        rows.append((own.acknowledged.at_s, "acknowledged", _safe(own.acknowledged.by), ""))
    rows += [_message_row(entry) for entry in facts.messages]
    lines = [(_clock(at_s), *rest) for at_s, *rest in sorted(rows)]
    yield _table(("UTC", "what", "to or by", "outcome or words"), lines[:MAX_ROWS]) if lines else \
        "Unknown: nothing is on record."
    if len(lines) > MAX_ROWS:
        yield f"{len(lines) - MAX_ROWS} later messages are in the audit."


def _message_row(entry: AuditEntry) -> tuple[float, str, str, str]:
    """A page of a person, or how a message to a channel ended; its reason begins with the channel."""
    page = page_of(entry)
    if page is not None:
        return entry.at_s, "page", _safe(page[0]), _safe(entry.reason)
    channel, _, words = entry.reason.partition(": ")
    told = event_words(entry.event, entry.subject)
    return entry.at_s, f"message, {_safe(told)}", _safe(channel), _safe(words)


def _similar(facts: Facts) -> Iterator[str]:
    rows = []
    for one in similar(facts):
        helped = sorted({remedy.kind for remedy in one.remedies if remedy.state == "recovered"})
        lasted = UNKNOWN if one.resolved_at_s is None else span_text(one.resolved_at_s - one.onset_at_s)
        rows.append((
            time_text(one.opened_at_s, None), _safe(one.id), one.peak_severity, lasted,
            _safe(", ".join(helped)) or "-", _safe(one.title),
        ))
    yield _table(("opened", "incident", "severity", "lasted", "what helped", "title"), rows) if rows else \
        "None of this category and service among the incidents that are known."


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *map(list, rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _list(lines: Iterable[str], without: str) -> list[str]:
    text = "\n".join(f"- {line}" for line in lines)
    return [text or without]


def _sentence(text: str) -> str:
    """A sentence of advice: labels in it stand between quotes and not in code spans, which a label could end."""
    return _safe(text.replace("`", "'"))


def _safe(text: str) -> str:
    return for_markdown(label(text, 400))


def _place(*labels: str | None) -> str:
    names = ("version", "replica", "tenant")
    return ", ".join(f"{name} {value}" for name, value in zip(names, labels, strict=True) if value is not None) or "all"


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.4g}"


def _clock(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
