"""What an approver must know of an intent beside its kind and target, as names with words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from actions.model import HTTP_OK, INFORMATIVE, TIMEOUT, Intent, RemedyTerms, UndoWhen

EXPECTED = "expected_duration_s"
OF_STEP: Mapping[str, str] = {EXPECTED: "expected to take", TIMEOUT: "ended after", HTTP_OK: "only if it answers"}
PARTS = ("version", "replica", "tenant")
DESTINATIONS = ("to_version", "to_storage_uri")
CHOSEN: Mapping[str, str] = {
    "rollback": "the newest version before {version} in the registry that is ready and raised no incident",
    "deployment_rollback": "the newest revision that raised no incident",
    "argo_rollback": "the stable revision if it raised no incident, else the newest one that raised none",
    "kserve_rollback": "the revision that served before {version}, if it is ready and raised no incident",
}
"""To which version a rollback goes where its step names none. Who executes it chooses, and the outcome names it."""
UNDONE: Mapping[UndoWhen, str] = {
    "when_over": "until the incident is over", "when_failed": "unless it does not help",
    "never": "is not taken back by itself",
}


def explained(intent: Intent) -> list[tuple[str, str]]:
    """The part that is hit, to which version a rollback goes, each parameter of the step, how long its effect stays,
    how it is judged, and how the other targets of its kind are.
    """
    return [*_hit(intent), *_destination(intent), *_params(intent), *_remedy(intent), *_fleet(intent)]


def _hit(intent: Intent) -> Iterator[tuple[str, str]]:
    parts = [f"{name} {value}" for name in PARTS if (value := getattr(intent, name)) is not None]
    if parts:
        yield "what is hit", ", ".join(parts)


def _destination(intent: Intent) -> Iterator[tuple[str, str]]:
    chosen = None if intent.undo else CHOSEN.get(intent.kind)
    if chosen is not None and all(intent.params.get(name) is None for name in DESTINATIONS):
        text = chosen.format(version=intent.version or "the bad one")
        yield "goes to", f"the last good version, chosen when it runs: {text}"


def _params(intent: Intent) -> Iterator[tuple[str, str]]:
    for name, value in intent.params.items():
        if value is not None and (name in OF_STEP or name not in INFORMATIVE):
            yield OF_STEP.get(name, name.replace("_", " ")), f"{value} s" if name.endswith("_s") else str(value)


def _remedy(intent: Intent) -> Iterator[tuple[str, str]]:
    terms: RemedyTerms | None = intent.remedy
    if terms is None or intent.undo:
        return
    end = "" if terms.undo == "never" else f", for {terms.hold_s / 60.0:g} min at most"
    yield "stays", f"{UNDONE[terms.undo]}{end}"
    yield "is judged", (
        f"{terms.settle_s:g} s after it ran, within {terms.within_s:g} s, by {terms.min_samples} requests at least"
    )


def _fleet(intent: Intent) -> Iterator[tuple[str, str]]:
    fleet = intent.fleet
    if fleet is None or fleet.size is None:
        return
    rest = [
        f"{number} {name}" for name, number in (("healthy", fleet.healthy), ("alarming", fleet.alarming))
        if number is not None
    ]
    yield "replicas", ", ".join([f"{fleet.size} known", *rest])
