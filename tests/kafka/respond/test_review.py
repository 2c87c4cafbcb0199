"""A review that a person records stands on a real topic, for each process and after a restart; not everybody may."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import orjson

from actions.reviews.records import ReviewRecords
from streams.client.response_log import read_reviews
from streams.review.human import PROMPTS, part
from tests.kafka.conftest import Broker
from tests.kafka.respond.installation import PATIENCE_S, Installation, eventually

ITEMS = "- [ ] Pin the driver (owner: ben, due: 2026-12-01)\n- [ ] Page earlier"


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
        for _ in range(2):
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
    unknown = await here.cli("dan", "review", "items", "set", "item-x", "--state", "done")
    assert (unknown.exit_code, "item 'item-x': not on record" in unknown.output) == (2, True)
    audit = [orjson.loads(record.value) for record in await here.records(here.config.topics.audit)]
    steps = [(one["event"], one["actor"]) for one in audit if one["subject"] == "inc-1"]
    assert steps == [("review", "dan"), ("item", "dan")]
