"""The picture in the README shows what the demo gives: its recording is replayed with its configuration and compared.

The replay answers each decision as executed, or approved, at the instant of the decision; in the demo that takes some
seconds. So the table of the faults and the line below it are compared in full, and times of the wall clock and of the
gateway are not.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree

import orjson
import pytest
from rich.console import Console, RenderableType

from actions.model import Decision, Intent, Outcome
from streams.demo import RECORDING, view
from streams.demo.people import PERSON
from streams.demo.scoring import read_truth
from streams.demo.state import DemoState
from streams.pipeline import Shard
from tests.house.tree import ROOT
from tests.simulation.run import LATENCY, Run, demo_plan, recorded
from tests.streams.fakes import outcome

PICTURE = ROOT / "streams" / "demo" / "report.svg"
BATCH = 500


def replayed() -> DemoState:
    """What a demo on the recording's own clock would have seen of the topics."""
    run, truth = Run(Shard(replace(demo_plan(), sources={LATENCY: True}))), read_truth(RECORDING)
    demo = DemoState(truth, speed=10.0, origin_s=truth.start_epoch_s, now_s=truth.duration_s)
    records = recorded(RECORDING)
    for start in range(0, len(records), BATCH):
        pending: list[Intent] = list(run.ingest(records[start : start + BATCH]).intents)
        while pending:
            decided = pending.pop(0)
            answer = approval(decided) if decided.mode == "suggest" else outcome(decided)
            demo.add_intent(decided)
            demo.add_outcome(answer)
            pending += run.answer(answer).intents
    demo.incidents = run.incidents
    return demo


def approval(decided: Intent) -> Outcome:
    """What the responder answers once the person of the demo has approved."""
    at_s = decided.decided_at_s
    decision = Decision(PERSON, "approve", decided.key, decided.digest, "cli", at_s, "", f"{PERSON}-1", "")
    return replace(outcome(decided, "approved"), decisions=(decision,))


def drawn(svg: str) -> list[str]:
    """The lines of text in a picture, each without what pads it."""
    lines: dict[float, list[tuple[float, str]]] = defaultdict(list)
    for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        if "clip-path" in element.attrib:
            lines[float(element.attrib["y"])].append((float(element.attrib["x"]), element.text or ""))
    return ["".join(text for _, text in sorted(lines[y])).replace("\xa0", " ").strip() for y in sorted(lines)]


def printed(shown: RenderableType) -> list[str]:
    """The same of what rich prints."""
    console = Console(width=view.PICTURE_WIDTH, file=io.StringIO(), color_system=None)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return [line.strip() for line in console.file.getvalue().splitlines()]


def about_faults(lines: list[str]) -> Iterator[str]:
    """The table of the faults, spaces left out, and the line that counts them."""
    start, end = (next(at for at, line in enumerate(lines) if line.startswith(mark)) for mark in ("┏", "└"))
    yield from ("".join(line.split()) for line in lines[start : end + 1])
    yield from (line for line in lines if "faults found" in line)


@pytest.fixture(scope="module")
def given() -> DemoState:
    return replayed()


def test_the_picture_of_the_readme_shows_what_the_demo_gives(given: DemoState) -> None:
    shown = list(about_faults(drawn(PICTURE.read_text(encoding="utf-8"))))

    assert shown == list(about_faults(printed(view.report(given))))
    assert sum("✓" in line for line in shown) == len(given.truth.scored)


def test_a_picture_of_another_severity_would_be_noticed(given: DemoState) -> None:
    picture = view.picture(view.report(given), "tocsin demo")
    assert list(about_faults(drawn(picture))) == list(about_faults(printed(view.report(given))))

    worse = picture.replace("P1", "P0", 1)
    assert list(about_faults(drawn(worse))) != list(about_faults(printed(view.report(given))))


def test_the_readme_shows_this_picture() -> None:
    assert f"]({PICTURE.relative_to(ROOT).as_posix()})" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_incident_pictured_in_the_readme_is_one_of_the_demo() -> None:
    """If not: `make screenshots` takes the pictures of the page anew."""
    shown = orjson.loads((ROOT / "docs" / "page" / "shown.json").read_bytes())
    assert shown["incident"]["title"] in {one.title for one in replayed().incidents.values()}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"docs/page/{name}.png" in readme and (ROOT / f"docs/page/{name}.png").is_file() for name in shown)
