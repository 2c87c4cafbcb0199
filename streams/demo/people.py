"""The keys of a run of the demo, and the person in it who approves what waits for people.

The person is simulated; request, decision, signature and checks are those of an installation. Decisions are dated by
the clock of the demo, as everything in it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from ruamel.yaml import YAML

from actions.approvals.decide import decided_by
from actions.approvals.request import ApprovalRequest
from actions.trust.key_files import write_private
from actions.trust.keys import Signer, public_text
from config import load
from streams.contracts.envelopes import source_of
from streams.contracts.people.records import sign_by_hand
from streams.demo.state import DemoState
from streams.worker.wall_clock import WallClock

PERSON = "kim"
OPERATOR = "operator"
"""Whoever looks at the page of the demo and logs in with the token of the run."""
APPROVES_AFTER_S = 5.0
"""On the clock of the demo, from when people were asked."""
LETS_OTHERS_S = 20.0
"""The same where somebody else may decide before. The recorded fault lasts 35 s."""
LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Signed:
    """The configuration of a run, the key of the person in it, and the token with which the operator logs in."""

    config: Path
    signer: Signer
    token: str


def write_config(folder: Path, page_port: int = 0) -> Signed:
    """Write the demo's configuration with keys made for this run: what acts is signed, as in production.

    page_port: of the page, on this machine only; 0 for any that is free.
    """
    private_file, config = folder / "demo.key", folder / "config.yaml"
    public = public_text(write_private(private_file).public_key())
    signing = {
        "private_file": str(private_file),
        "keys": [{"id": "demo", "for": ["watch", "execute", "respond"], "public": public}],
    }
    personal = write_private(folder / f"{PERSON}.key")
    key_id = f"{PERSON}-1"
    token = secrets.token_urlsafe(12)
    yaml = YAML()
    tree = yaml.load((files("streams.demo") / "config.yaml").read_text(encoding="utf-8"))
    tree["people"][PERSON]["keys"] = [{"id": key_id, "public": public_text(personal.public_key())}]
    tree["people"][OPERATOR]["token_sha256"] = hashlib.sha256(token.encode()).hexdigest()
    tree |= {"signing": signing, "respond": {"listen": f"127.0.0.1:{page_port}", "read_without_login": True}}
    yaml.dump(tree, config)
    return Signed(config, Signer(key_id, personal), token)


async def approve_what_waits(
    brokers: str, demo: DemoState, signed: Signed, clock: WallClock, after_s: float = APPROVES_AFTER_S,
) -> None:
    """Approve each request of the demo once, so long after it was asked; until cancelled."""
    config = load(signed.config, {"TOCSIN_BROKERS": brokers})
    topic, source = config.topics.control, source_of(config.kafka.group)
    answered: set[str] = set()
    producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all")
    await producer.start()
    try:
        while True:
            for request in [one for one in demo.requests.values() if one.key not in answered]:
                if _is_due(request, clock.now() - after_s):
                    answered.add(request.key)
                    at_s = clock.now()
                    decision = decided_by(request, PERSON, "approve", "cli", at_s, source, signed.signer)
                    message = sign_by_hand(decision, topic, source, at_s, signed.signer)
                    await producer.send_and_wait(
                        topic, message.value, key=message.key, headers=list(message.headers),
                        timestamp_ms=int(at_s * 1000),
                    )
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        await producer.stop()


def _is_due(request: ApprovalRequest, asked_until_s: float) -> bool:
    return request.state == "requested" and request.changed_at_s <= asked_until_s
