"""On a real broker: who acknowledges at PagerDuty or in ServiceNow is paged no further, by a signed record."""

from __future__ import annotations

import hashlib
import hmac
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from actions.trust.key_files import write_private
from actions.trust.keys import public_text
from streams.contracts.envelopes import incident_message
from streams.respond.responder import Responder
from streams.respond.vendors.pagerduty_hook import HEADER, PATH
from streams.trust.setup import authenticity_of
from tests.actions.channels.fakes.pagerduty import KEY, FakePagerDuty
from tests.actions.channels.fakes.servicenow import PASSWORD, USER, FakeServiceNow
from tests.kafka.brokers import RealKafka
from tests.kafka.respond.installation import Installation, eventually, open_incident

SECRET = "secret-of-a-subscription"


def settings(folder: Path, pager: FakePagerDuty, itsm: FakeServiceNow) -> dict[str, Any]:
    private = write_private(folder / "site.pem")
    return {
        "people": {"dan": {"roles": ["responder"], "contacts": {"pager": "PDAN", "itsm": "dan.d"}}},
        "services": [{"match": "chat*", "tier": 1, "owners": ["dan"], "escalation": "critical"}],
        "escalation": {"critical": {"steps": [{"id": "first", "page": "dan", "via": ["pager"]},
                                              {"id": "second", "after": "1h", "page": "dan"}]}},
        "channels": {
            "pager": {"kind": "pagerduty", "routing_key": KEY, "url": f"{pager.url}/v2/enqueue", "every": "0s",
                      "webhook_secret": SECRET},
            "itsm": {"kind": "servicenow", "url": itsm.url, "user": USER, "password": PASSWORD, "every": "0s",
                     "poll": "1s"},
        },
        "respond": {"listen": "127.0.0.1:0"},
        "signing": {"private_file": str(folder / "site.pem"), "keys": [
            {"id": "s1", "for": ["respond", "watch", "execute"], "public": public_text(private.public_key())},
        ]},
    }


async def open_one(site: Installation, name: str) -> None:
    one = open_incident(name, severity="P1", peak_severity="P1", opened_at_s=time.time())
    message = incident_message(one, site.source, time.time())
    topic = site.config.topics.incidents
    await site.send(topic, authenticity_of(site.config, site.source).signed(topic, message, "watch"))


async def webhook(responder: Responder, kind: str, key: str) -> tuple[int, Any]:
    event = {
        "id": f"{kind}-{key}", "event_type": f"incident.{kind}", "resource_type": "incident",
        "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "agent": {"id": "PDAN", "summary": "Dan", "type": "user_reference"}, "client": None,
        "data": {"id": "PGR0VU2", "type": "incident", "incident_key": key, "assignees": []},
    }
    body = orjson.dumps({"event": event})
    signature = "v1=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    url = f"http://127.0.0.1:{responder.http.port}{PATH}"
    async with aiohttp.ClientSession() as session, session.post(
        url, data=body, headers={HEADER: signature, "Content-Type": "application/json"},
    ) as answer:
        return answer.status, await answer.json()


async def acknowledged(responder: Responder, name: str) -> None:
    async def found() -> bool | None:
        one = responder.escalations.escalations.get(name)
        is_by_dan = one is not None and one.acknowledged is not None and one.acknowledged.by == "dan"
        return True if one is not None and one.state == "acknowledged" and is_by_dan else None

    await eventually(found, f"{name} acknowledged by dan")


async def test_an_acknowledgement_at_a_vendor_stops_the_escalation_and_is_in_the_control_log(
    real: RealKafka, tmp_path: Path,
) -> None:
    async with FakePagerDuty().running() as pager, FakeServiceNow().running() as itsm:
        site = Installation(real.address, tmp_path, **settings(tmp_path, pager, itsm))
        await site.prepare()
        async with site.responder() as responder:
            for name in ("inc-1", "inc-2"):
                await open_one(site, name)

            async def told() -> bool | None:
                paged = all(any(f"/{name}/page/" in key for key in pager.alerts) for name in ("inc-1", "inc-2"))
                return True if paged and len(itsm.records) == 2 and responder.http.port is not None else None

            await eventually(told, "both vendors were told")
            page = next(key for key in pager.alerts if "/inc-1/page/" in key)
            status, body = await webhook(responder, "acknowledged", page)
            assert (status, body) == (200, {"became": "written: acknowledge by dan"})
            await acknowledged(responder, "inc-1")
            (record,) = itsm.by_key(f"{site.source}/inc-2")
            itsm.act(record["sys_id"], "dan.d", state="2")
            await acknowledged(responder, "inc-2")
        written = [orjson.loads(one.value) for one in await site.records(site.config.topics.control)]
        assert sorted((one["incident_id"], one["by"], one["comment"]) for one in written) == [
            ("inc-1", "dan", "in PagerDuty"), ("inc-2", "dan", "in ServiceNow"),
        ]
