"""The shipped playbooks on recorded faults: the right remedy first, and nothing without approval as shipped."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from config import load
from streams.demo.scoring import read_truth, score
from streams.pipeline import Shard
from streams.planning import plan_of
from streams.shard.plan import Plan
from tests.simulation.run import LATENCY, RECORDINGS, ROOT, Run, recorded
from tests.streams.fakes import outcome

BATCH = 50
AUTO = "playbooks: [{name: base, mode: auto}]\n"


def demo_text() -> str:
    """The demo's configuration without its playbooks."""
    text = (ROOT / "streams" / "demo" / "config.yaml").read_text(encoding="utf-8")
    books, rest = text.index("playbooks:"), text.index("# A recording packs")
    return text[:books] + text[rest:]


@cache
def plan(playbooks: str) -> Plan:
    """The demo's actions and limits, with the shipped playbooks and these."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "site.yaml"
        file.write_text(demo_text() + playbooks, encoding="utf-8")
        return replace(plan_of(load(file, {"TOCSIN_BROKERS": "127.0.0.1:1"})), sources={LATENCY: True})


def answered(folder: Path, playbooks: str) -> Run:
    """The run of a recording in which every intent that runs is executed half a second after it was decided."""
    run, records = Run(Shard(plan(playbooks))), recorded(folder)
    for first in range(0, len(records), BATCH):
        due = run.ingest(records[first : first + BATCH]).intents
        while ran := [outcome(one, "executed", one.decided_at_s + 0.5) for one in due if one.mode == "auto"]:
            due = run.answer(*ran).intents
    return run


def first_remedies(run: Run) -> dict[str, str]:
    """The first remedy of each incident by its id, `notify` where people are told and nothing else is done."""
    found: dict[str, str] = {}
    for intent in run.intents:
        if found.get(intent.incident_id, "notify") == "notify" and not intent.undo:
            found[intent.incident_id] = intent.kind
    return found


def test_in_mode_auto_the_right_remedy_comes_first_for_four_events_of_five() -> None:
    right = scored = 0
    for folder in RECORDINGS:
        run, truth = answered(folder, AUTO), read_truth(folder)
        chosen = first_remedies(run)
        for finding in score(truth, run.incidents.values(), truth.start_epoch_s).findings:
            scored += 1
            right += finding.first is not None and chosen[finding.first.id] in finding.fault.expected.remedies
        judged = [remedy.state for incident in run.incidents.values() for remedy in incident.remedies]
        assert judged
        assert set(judged) <= {"recovered", "not_recovered", "inconclusive", "undone"}
    assert scored == 11
    assert right >= 0.8 * scored


def test_as_shipped_people_are_notified_and_nothing_acts_without_them() -> None:
    run = answered(RECORDINGS[0], "")
    acting = [one.kind for one in run.intents if one.mode == "auto"]
    assert set(acting) == {"notify"}
    asked = [one for one in run.intents if one.mode == "suggest"]
    assert asked
    assert all(one.approval is not None and one.digest is not None for one in asked)
    notified = {one.incident_id for one in run.intents if one.kind == "notify"}
    assert notified == {one.id for one in run.incidents.values()}
