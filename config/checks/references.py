"""Settings that name something else of the configuration: a table of what each may name, and the check of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from actions.audiences.audience import READERS
from actions.catalogue import CATALOGUE as ACTIONS
from actions.trust.roles import Role
from classifiers.validation_errors import did_you_mean, shown
from config.audiences.sections import reader_of
from config.checks.settings import names_of, settings_at
from config.errors import Problem
from config.playbooks.layers import EVENTS, shipped_books
from config.source import Node, Path, as_list, as_mapping, problem_at
from detectors.catalogue import CATALOGUE as DETECTORS

Written = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What a setting may name. what: in a message, before the names. note: after them. pattern: whether a name is right
    that is not among `names`."""

    what: str
    names: tuple[str, ...]
    note: str = ""
    pattern: Callable[[str], bool] = lambda _: False

    def expected(self, found: str) -> str:
        """For the message about a name that is not known."""
        names = ", ".join(self.names) or "none is configured"
        return f"{self.what}: {names}{did_you_mean(found, self.names)}{self.note}"


@dataclass(frozen=True, slots=True)
class Reference:
    """A setting that names something. path: with a star for each item of a list or mapping. known: what it may name, of
    a whole configuration and the place of the setting; None where any name is right."""

    path: str
    known: Callable[[Written, Path], Known | None]


def unknown_references(
    written: Written, tree: Node, references: tuple[Reference, ...] | None = None,
) -> Iterator[Problem]:
    """Names of nothing, each with its place and the names that there are. references: `REFERENCES` if not given."""
    for reference in REFERENCES if references is None else references:
        for place, value in settings_at(written, reference.path):
            known = reference.known(written, place)
            if known is None:
                continue
            for within, name in names_of(value):
                if name not in known.names and not known.pattern(name):
                    yield problem_at(tree, (*place, *within), shown(name), known.expected(name))


def roles(_: Written, __: Path) -> Known:
    """The roles of people."""
    return Known("one of the roles", get_args(Role))


def action_kinds(_: Written, __: Path) -> Known:
    """All kinds of action, configured or not."""
    return Known("one of the kinds of action", tuple(ACTIONS))


def _section(name: str) -> Callable[[Written, Path], Known]:
    return lambda written, _: Known(f"one of {name}", tuple(as_mapping(written.get(name))))


def _detectors(_: Written, __: Path) -> Known:
    return Known("one of the detectors", tuple(DETECTORS))


def _other_channels(written: Written, place: Path) -> Known:
    others = [name for name in as_mapping(written.get("channels")) if name != place[1]]
    return Known("one of the other channels", tuple(others))


def _channels_of_steps(written: Written, _: Path) -> Known | None:
    """Without channels, the webhook of the action `notify` gets the names as they are."""
    channels = as_mapping(written.get("channels"))
    notify = as_mapping(as_mapping(written.get("actions")).get("notify"))
    if not channels and notify.get("url") is not None:
        return None
    note = "" if channels else " (with actions.notify.url, any name: its webhook gets it)"
    return Known("one of channels", tuple(channels), note)


def _channels_of_contacts(written: Written, _: Path) -> Known | None:
    channels = as_mapping(written.get("channels"))
    return Known("one of channels", tuple(channels)) if channels else None


def _targets(written: Written, _: Path) -> Known:
    schedules, people = (as_mapping(written.get(name)) for name in ("schedules", "people"))
    return Known("a schedule, a person or a role", (*schedules, *people, *get_args(Role)))


def _audiences(written: Written, _: Path) -> Known:
    """Those of the section, those that a reader gives, and what shipped playbooks tell: the webhook of the action
    `notify` gets their names."""
    shipped = [
        name for book in shipped_books() for event in EVENTS for name in as_list(as_mapping(book.plain()).get(event))
    ]
    names = dict.fromkeys([*as_mapping(written.get("audiences")), *READERS, *shipped])
    return Known("one of audiences", tuple(names), pattern=lambda name: reader_of(name) is not None)


def _hooks(written: Written, place: Path) -> Known | None:
    """The hooks of the action of the step."""
    step = as_mapping(as_list(as_mapping(as_list(written.get("playbooks"))[int(place[1])]).get("steps"))[int(place[3])])
    hooks = as_mapping(as_mapping(as_mapping(written.get("actions")).get(str(step.get("action")))).get("hooks"))
    return Known(f"one of actions.{step.get('action')}.hooks", tuple(hooks)) if hooks else None


REFERENCES = (
    Reference("services.*.owners", _section("people")),
    Reference("services.*.escalation", _section("escalation")),
    Reference("schedules.*.people", _section("people")),
    Reference("schedules.*.shifts.*.person", _section("people")),
    Reference("schedules.*.backup", _section("schedules")),
    Reference("escalation.*.steps.*.page", _targets),
    Reference("escalation.*.steps.*.tell", _audiences),
    Reference("escalation.*.steps.*.via", _channels_of_steps),
    Reference("escalation.*.fallback", _channels_of_steps),
    Reference("channels.*.fallback", _other_channels),
    Reference("audiences.*.via", _section("channels")),
    Reference("people.*.contacts", _channels_of_contacts),
    *(Reference(f"playbooks.*.{event}", _audiences) for event in EVENTS),
    Reference("playbooks.*.steps.*.approval.roles", roles),
    Reference("playbooks.*.steps.*.when.not_in_force", action_kinds),
    Reference("playbooks.*.steps.*.params.hook", _hooks),
    Reference("detection.profiles.*.detectors", _detectors),
)
"""All of them, but for the action of a step, which also needs a section (`config/checks/whole.py`)."""
