"""Signed control records as a worker receives them."""

from __future__ import annotations

from collections.abc import Mapping

from classifiers.directives import Acknowledge, Deployment, Directive, Expire, Feedback, Matcher, Silence
from classifiers.expectations import Expectation
from config.models import ControlSection
from streams.contracts.control_records import sign
from streams.contracts.envelopes import Message
from tests.streams.records import FakeRecord

T = 1_795_420_000.0
SECRET = "correct horse battery"
DIRECTIVES: list[Directive] = [
    Silence("s1", (Matcher("tenant", "=~", "batch-.*"),), T, T + 3600.0, "ana", "moving"),
    Expire("s1", "ana", T),
    Acknowledge("inc-1", "ana", T, T + 3600.0, "looking"),
    Feedback("f1", "inc-1", "ana", T, "availability", "P1", True, {"breadth": 0.5}, 120.0),
    Deployment("chat", "gpt", "v2", T),
    Deployment("chat", "gpt", "v3", T, (Expectation("latency_ms", "<=", 1.7, True),), T + 7200.0),
    Feedback("f2", "inc-1", "ana", T, None, None, False, expected=True, until_s=T + 7200.0),
]

OPS = {"secret": SECRET}


def control_settings(**keys: object) -> ControlSection:
    """The `control` section with these keys; by default with one that may sign everything."""
    settings = {"keys": keys or {"ops": OPS}, "max_skew": "5m", "max_ack": "1d", "remember": "90d"}
    return ControlSection.model_validate(settings)


def signed(directive: Directive, key: str = "ops", secret: str = SECRET) -> Message:
    """The message that `tocsin control` would write at `T`."""
    return sign(directive, key, secret.encode(), "/tocsin/test", T)


def received(
    message: Message, headers: Mapping[str, bytes | None] | None = None, dated_s: float = T + 0.05,
) -> FakeRecord:
    """The record that the broker hands over. headers: replaced by name, removed where None."""
    changed = {**dict(message.headers), **(headers or {})}
    kept = tuple((name, value) for name, value in changed.items() if value is not None)
    return FakeRecord(message.value, 0, "tocsin.control", 0, int(dated_s * 1000), message.key, kept)
