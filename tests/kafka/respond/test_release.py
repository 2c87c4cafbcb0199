"""A text for customers waits on a real topic for the key of a commander, and is sent once, also over a restart."""

from __future__ import annotations

import re
import time
from pathlib import Path

from streams.contracts.envelopes import incident_message
from tests.actions.channels.fakes.mailbox import Mailbox
from tests.kafka.conftest import Broker
from tests.kafka.respond.installation import Installation, eventually, open_incident


async def waiting(here: Installation) -> str:
    async def look() -> str | None:
        listed = await here.cli(None, "audience", "list")  # what the responder logs meanwhile stands there too
        found = re.search(r"(?m)^([0-9a-f]{24})\b.*customer", listed.output)
        return None if found is None else found[1]

    return await eventually(look, "a text that waits")


async def test_a_text_is_sent_as_a_commander_released_it_once_also_over_a_restart(
    broker: Broker, tmp_path: Path,
) -> None:
    box = Mailbox()
    with box.served() as address:
        here = Installation(
            broker.address, tmp_path,
            channels={"mail": {
                "kind": "email", "smtp": address, "from_address": "tocsin@example.com", "to": ["ops@example.com"],
                "on": [], "every": "0s",
            }},
            audiences={"customer": {"via": ["mail"], "to": ["status@example.com"], "from": "P2"}},
        )
        await here.prepare()
        now_s = time.time()
        incident = open_incident("inc-1", opened_at_s=now_s, onset_at_s=now_s - 5.0)
        told = incident_message(incident, here.source, now_s)
        async with here.responder():
            await here.send(here.config.topics.incidents, told)
            digest = await waiting(here)
        async with here.responder():
            shown = (await here.cli(None, "audience", "show", digest)).output
            assert "waits for a commander" in shown, shown
            refused = await here.cli("dan", "audience", "release", digest)
            reason = "does not count: dan has responder for chat, expected commander"
            assert (refused.exit_code, reason in refused.output) == (1, True), refused.output
            assert box.mails == []
            released = await here.cli("cleo", "audience", "release", digest)
            assert (released.exit_code, "released by cleo" in released.output) == (0, True), released.output

            async def arrived() -> bool | None:
                return bool(box.mails) or None

            await eventually(arrived, "the mail")
        async with here.responder():
            await here.send(here.config.topics.incidents, told)
            again = await here.cli("cleo", "audience", "release", digest)
            assert again.exit_code == 2
            assert "expected one that waits" in again.output
        ((receivers, mail),) = box.mails
        part = mail.get_body(("plain",))
        assert part is not None
        assert (receivers, part.get_content().strip().splitlines()[-1] in shown) == (["status@example.com"], True)
        audit = [record.value.decode() for record in await here.records(here.config.topics.audit)]
        assert any('"released"' in entry and '"cleo"' in entry for entry in audit)
        assert any("dan has responder for chat, expected commander" in entry for entry in audit)
