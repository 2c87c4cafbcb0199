"""Incidents and audiences for the tests of texts, and labels that attack their readers."""

from __future__ import annotations

from dataclasses import replace

from actions.audiences.audience import EVENTS, Audience, Reach, Reader
from classifiers.model import ActionRecord, Anomaly, Factor, Incident, IncidentNote, RemedyRecord, Scope
from config.audiences.build import shipped_template

T = 1_795_420_800.0

HOSTILE = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "@here", "@everyone", "<!channel>",
    "<@U012AB3CD>",
    "{{7*7}}", "{% for x in range(9**9) %}a{% endfor %}", "{{ ''.__class__.__mro__ }}", "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)", "https://evil.example/steal", "**bold** _it_ `code`", "a\nb\r\nBcc: x@evil",
    "\u202egnp.exe", "r0\x1b[2J\x07", "<https://evil.example|click>", "\"><svg onload=alert(1)>",
    "| a | b |\n|---|---|",
    "x" * 5_000,
)
"""Twenty labels: HTML, mentions of Slack and Discord, templates, Markdown, links, headers, marks of direction, one of
5,000 characters."""


def incident(**changes: object) -> Incident:
    """A P1 at one replica that opened at T and is still open."""
    made = Incident(
        "inc-1", "open", T, T - 4.0, None, "performance_degradation", "P1", "P1", "chat", "gpt", None, "r0", None,
        "chat/gpt, replica r0: slower", factors=(Factor("latency", 2.0, 2.0, "twice as slow"),),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def deviating(*tenants: str) -> tuple[Anomaly, ...]:
    """Evidence of tenants that deviate."""
    return tuple(
        Anomaly(Scope("chat", "gpt", tenant=one), "latency_ms", "cusum", T, T + 1, 900.0, 300.0, 3.0, "up", 20, T)
        for one in tenants
    )


def poisoned(text: str) -> Incident:
    """An open incident in which every label and every word of people is this text."""
    return incident(
        service=text, model=text, version=text, replica=text, tenant=text, title=text, assigned_to=text,
        commander=text, scribe=text, owners=(text,),
        factors=(Factor(text, text, 1.0, text),), evidence=deviating(text), notes=(IncidentNote(text, T, text),),
        actions=(ActionRecord("k", text, text, "auto", "executed", T, T),),
        remedies=(RemedyRecord("k", "s", text, text, "verifying", T, text),),
    )


def audience(reader: Reader = "technical", reach: Reach = Reach(), **changes: object) -> Audience:  # noqa: B008
    """An audience with the shipped templates."""
    made = Audience(reader, reader, reach, ("mail",), (), None, {one: shipped_template(reader, one) for one in EVENTS})
    return replace(made, **changes)  # type: ignore[arg-type]
