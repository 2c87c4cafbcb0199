"""A review stands once on a real topic, for each process and after a restart, whoever begins it; not everybody may."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import orjson

from actions.reviews.records import ReviewRecords
from streams.client.response_log import read_reviews
from streams.contracts.envelopes import incident_message
from streams.review.human import PROMPTS, part
from tests.kafka.brokers import EmbeddedKafka
from tests.kafka.conftest import Broker
from tests.kafka.respond.installation import PATIENCE_S, Installation, eventually, open_incident

ITEMS = "- [ ] Pin the driver (owner: ben, due: 2026-12-01)\n- [ ] Page earlier"


def processes_on(broker: Broker) -> int:
    """How many responders share the partitions. The embedded broker refuses a member whose SyncGroup request comes
    after that of the leader, and members that run in one event loop keep coming in the same order."""
    return 1 if broker.name == EmbeddedKafka.name else 2


async def recorded(here: Installation, holds: Callable[[ReviewRecords], bool], what: str) -> ReviewRecords:
    async def look() -> ReviewRecords | None:
        found = await read_reviews(here.config)
        return found if holds(found) else None

    return await eventually(look, what, 3 * PATIENCE_S)  # two processes share the partitions first


async def test_a_review_and_its_items_stand_once_over_two_processes_and_a_restart(
    broker: Broker, tmp_path: Path,
) -> None:
    here = Installation(broker.address, tmp_path)
    await here.prepare()
    kept = {**PROMPTS, "summary": "The driver was new.", "items": ITEMS}
    file = tmp_path / "review-inc-1.md"
    file.write_text("\n\n".join(part(name, kept) for name in PROMPTS) + "\n")
    submit = ("review", "submit", str(file), "--at", "https://wiki/inc-1", "--state", "published")
    async with AsyncExitStack() as stack:
        for _ in range(processes_on(broker)):
            await stack.enter_async_context(here.responder())
        refused = await here.cli("anna", *submit)
        written = await here.cli("dan", *submit)
        assert (refused.exit_code, written.exit_code) == (0, 0), written.output
        assert "line 2: no owner" in written.output
        found = await recorded(here, lambda known: len(known.items()) == 2 and bool(known.reviews()), "all of it")
    (review,) = found.reviews()
    assert (review.state, review.summary, review.by, review.version) == ("published", "The driver was new.", "dan", 1)
    name = found.items()[0].id
    async with here.responder():
        changed = await here.cli("dan", "review", "items", "set", name, "--state", "done", "--comment", "pinned")
        assert changed.exit_code == 0, changed.output
        found = await recorded(here, lambda known: known.items()[0].state == "done", "the item is done")
    assert [(one.state, one.version) for one in found.items()] == [("done", 2), ("open", 1)]
    listed = await here.cli(None, "review", "items", "list", "--json")
    assert listed.exit_code == 1  # one has no owner
    items = [orjson.loads(line) for line in listed.stdout.splitlines() if line.startswith("{")]
    assert [one["text"] for one in items] == ["Page earlier"]
    assert "published" in (await here.cli(None, "review", "list")).output
    drop = ("review", "items", "set", found.items()[1].id, "--state", "dropped")
    without_reason = await here.cli("dan", *drop)
    assert (without_reason.exit_code, "the reason why it is dropped" in without_reason.output) == (2, True)
    async with here.responder():
        assert (await here.cli("dan", *drop, "--comment", "not ours")).exit_code == 0
        found = await recorded(here, lambda known: not known.open_items(), "the other item is dropped")
    listed = await here.cli(None, "review", "items", "list")
    assert (listed.exit_code, listed.stdout) == (0, "")
    assert "dropped" in (await here.cli(None, "review", "items", "list", "--all")).stdout
    assert (await here.cli(None, "review", "items", "export", "--for", "github")).stdout == ""
    finished = await here.cli("dan", "review", "items", "set", name, "--state", "dropped", "--comment", "late")
    assert (finished.exit_code, "done, so it cannot become dropped" in finished.output) == (2, True)
    unknown = await here.cli("dan", "review", "items", "set", "item-x", "--state", "done")
    assert (unknown.exit_code, "item 'item-x': not on record" in unknown.output) == (2, True)
    audit = [orjson.loads(record.value) for record in await here.records(here.config.topics.audit)]
    steps = [(one["event"], one["actor"]) for one in audit if one["subject"] == "inc-1"]
    assert steps == [("review", "dan"), ("item", "dan"), ("item", "dan")]


async def test_the_review_of_what_paged_and_stays_over_is_begun_once_and_never_over_what_a_person_wrote(
    broker: Broker, tmp_path: Path,
) -> None:
    here = Installation(broker.address, tmp_path, review={"draft": {"from": "P2", "after": "10m"}})
    await here.prepare()
    ended_s, ahead_s = time.time(), 0.0
    kept = {**PROMPTS, "summary": "The driver was new."}
    file = tmp_path / "review-inc-4.md"
    file.write_text("\n\n".join(part(name, kept) for name in PROMPTS) + "\n")

    async def end(incident_id: str, **over: str) -> None:
        one = open_incident(incident_id, state="resolved", opened_at_s=ended_s - 60.0, resolved_at_s=ended_s, **over)
        await here.send(here.config.topics.incidents, incident_message(one, here.source, ended_s))

    for incident_id in ("inc-1", "inc-2"):
        await end(incident_id)
    await end("inc-3", peak_severity="P3", severity="P3")
    await end("inc-4")
    async with AsyncExitStack() as stack:
        for _ in range(processes_on(broker)):
            await stack.enter_async_context(here.responder(lambda: time.time() + ahead_s))
        assert (await here.cli("dan", "review", "submit", str(file), "--state", "published")).exit_code == 0
        found = await recorded(here, lambda known: bool(known.reviews()), "what a person recorded")
        assert [one.incident_id for one in found.reviews()] == ["inc-4"]  # the others are not over for long enough
        ahead_s = 700.0
        found = await recorded(here, lambda known: len(known.reviews()) == 3, "two drafts")
    assert sorted((one.incident_id, one.by, one.state, one.summary, one.version) for one in found.reviews()) == [
        ("inc-1", "tocsin", "draft", "", 1), ("inc-2", "tocsin", "draft", "", 1),
        ("inc-4", "dan", "published", "The driver was new.", 1),
    ]
    await end("inc-5")
    async with here.responder(lambda: time.time() + ahead_s):
        renamed = file.rename(tmp_path / "review-inc-1.md")
        assert (await here.cli("dan", "review", "submit", str(renamed), "--state", "draft")).exit_code == 0
        found = await recorded(
            here, lambda known: len(known.reviews()) == 4 and any(one.version == 2 for one in known.reviews()),
            "a draft more, and one that a person replaced",
        )
    replaced = found.review("inc-1")
    assert replaced is not None
    assert (replaced.by, replaced.summary, replaced.is_automatic) == ("dan", "The driver was new.", False)
    written = [record.key for record in await here.records(here.config.topics.response)]
    assert sorted(written) == [b"review/inc-1", b"review/inc-1", b"review/inc-2", b"review/inc-4", b"review/inc-5"]
    audit = [orjson.loads(record.value) for record in await here.records(here.config.topics.audit)]
    drafts = [(one["subject"], one["actor"]) for one in audit if one["event"] == "review" and one["before"] is None]
    assert sorted(drafts) == [("inc-1", None), ("inc-2", None), ("inc-4", "dan"), ("inc-5", None)]
