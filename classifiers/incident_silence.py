"""A silence for what one incident is about, and the sentence that says what will be silent. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import get_args

from classifiers.directives import Label, Matcher, Silence
from classifiers.model import Incident

NOT_MATCHED: frozenset[Label] = frozenset({"severity"})
"""An incident that becomes more severe stays silent, as one that changes nothing else."""
_OPERATORS: Mapping[str, str] = {"=": "", "!=": "not ", "=~": "like ", "!~": "not like "}


def matchers_of(incident: Incident) -> tuple[Matcher, ...]:
    """What fits incidents of the same service, part and category. Raises `ValueError` for a label that is too long."""
    values = ((name, getattr(incident, name)) for name in get_args(Label) if name not in NOT_MATCHED)
    return tuple(Matcher(name, "=", value) for name, value in values if value is not None)


def silenced_text(incident: Incident) -> str | None:
    """What a silence for an incident would fit, for people; None where a label is too long for a silence."""
    try:
        return matched_words(matchers_of(incident))
    except ValueError:
        return None


def silence_of(incident: Incident, by: str, from_s: float, lasts_s: float, comment: str) -> Silence:
    """The silence that a person asks for. Raises `ValueError`."""
    name = hashlib.sha256(f"{incident.id}/{by}/{from_s:.3f}".encode()).hexdigest()[:12]
    return Silence(f"sil-{name}", matchers_of(incident), from_s, from_s + lasts_s, by, comment)


def matched_text(matchers: Sequence[Matcher]) -> str:
    """The matchers as people write them, and as commands take them.

    >>> matched_text([Matcher("service", "=", "chat"), Matcher("tenant", "=~", "batch-.*")])
    'service="chat", tenant=~"batch-.*"'
    """
    return ", ".join(f'{one.name}{one.op}"{one.value}"' for one in matchers)


def matched_words(matchers: Sequence[Matcher]) -> str:
    """The matchers as people say them.

    >>> matched_words([Matcher("service", "=", "chat"), Matcher("tenant", "=~", "b-.*"), Matcher("replica", "=", "")])
    'service chat, tenant like b-.*, no replica'
    """
    return ", ".join(map(_words, matchers))


def _words(one: Matcher) -> str:
    if not one.value and one.op in ("=", "!="):
        return f"no {one.name}" if one.op == "=" else f"any {one.name}"
    value = one.value.replace("_", " ") if one.name == "category" else one.value
    return f"{one.name} {_OPERATORS[one.op]}{value}"


def service_of(matchers: Sequence[Matcher]) -> str | None:
    """The only service that matchers fit; None where they may fit several."""
    return next((one.value for one in matchers if (one.name, one.op) == ("service", "=")), None)
