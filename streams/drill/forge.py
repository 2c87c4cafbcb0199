"""The drill `forge`: bad intents of eight kinds and good ones, through the checks of a real executor to a fake target.

It needs no broker: the records go to the action worker as its transport would hand them over, and what it writes is
kept. Passed when nothing bad reached the target, each bad one is refused in the audit with a reason, and all good ones
ran once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import cast

from actions.base import Bounds, Done, Reading, RunContext
from actions.executor import Executor
from actions.hooks import Hooks
from actions.ledger.ledger import MemoryLedger
from actions.limits import LimitParams
from actions.model import Intent
from actions.trust.approvals import ApprovalCheck
from actions.trust.gate import Gate
from classifiers.model import AuditEntry
from config import load
from streams.contracts.envelopes import Message, read_audit
from streams.drill.forged_intents import ALLOWED, SOURCE, Case, Forge
from streams.kafka.producer import Publisher
from streams.state.ledger import TopicLedger
from streams.telemetry.metrics import Labels, Telemetry
from streams.telemetry.traces import Tracing
from streams.transport.batches import TP
from streams.trust.authenticity import Authenticity
from streams.worker.action_worker import ActionWorker
from streams.worker.audit import Audit
from streams.worker.dead_letter_writer import DeadLetterWriter
from streams.worker.effects import Clocks, Effects, Identity

REFUSED = frozenset({"refused", "expired"})
"""How the audit calls what was not done."""
LIMITS = LimitParams(
    cooldown_s=0.0, actions_per_hour=100_000, service_actions_per_hour=100_000, max_in_force=100_000,
    share_window_s=0.0, storm_actions=100_000,
)
"""Limits that nothing of the drill reaches, so that what is refused is refused by the checks under test."""
STEP_S = 0.001
"""From one intent to the next, so that the limit on siblings counts none of those before."""


@dataclass(frozen=True, slots=True)
class KindResult:
    """What became of the intents of one kind. refused: in the audit, with a reason. reasons: each once, with its count.
    """

    intents: int
    refused: int
    ran: int
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class ForgeResult:
    """The result of the drill. bad, refused: over the eight kinds. good, ran: of the good ones."""

    drill: str
    bad: int
    refused: int
    good: int
    ran: int
    passed: bool
    kinds: dict[str, KindResult]

    def as_json(self) -> dict[str, object]:
        """All of it, for printing."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RecordedIntent:
    """An intent as the transport hands it over."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(slots=True)
class CountingTarget:
    """An action that only counts what reached its target."""

    kind: str
    reached: Counter[str]
    reversible: bool = True
    holds: bool = False
    bounds: Bounds = field(default_factory=Bounds)

    async def run(self, intent: Intent, ctx: RunContext) -> Done:  # noqa: ARG002 - the protocol's signature
        """Count."""
        self.reached[intent.key] += 1
        return Done("counted")

    async def read_back(self, intent: Intent) -> Reading:  # noqa: ARG002 - the protocol's signature
        """Nothing stays in force."""
        return Reading(None, "nothing stays in force")


class KeptMessages(Publisher):
    """A publisher without a broker: it keeps the audit."""

    def __init__(self, audit: str) -> None:
        super().__init__({})
        self.entries: list[AuditEntry] = []
        self._audit = audit

    async def send(
        self, scope: object, topic: str, messages: Iterable[Message],  # noqa: ARG002 - the publisher's signature
        acknowledged: Callable[[], None] | None = None,  # noqa: ARG002
    ) -> None:
        """Keep the entries of the audit."""
        if topic == self._audit:
            self.entries += [read_audit(message.value) for message in messages]

    async def flush(self, scope: object) -> None:
        """Nothing waits."""


@dataclass(slots=True)
class Steps:
    """A clock that the drill moves."""

    at_s: float

    def now_s(self) -> float:
        """Seconds since the epoch."""
        return self.at_s


class Alone:
    """The ownership of a worker that has every partition."""

    def holds_lease(self) -> bool:
        """Always."""
        return True

    def owns(self, _: TP) -> bool:
        """Every one."""
        return True

    def release(self, _: TP, __: int) -> bool:
        """Nothing is committed."""
        return True


async def drill_forge(now_s: float, each: int = 50) -> ForgeResult:
    """Run the drill with so many intents of each kind. now_s: seconds since the epoch."""
    forge, reached = Forge(now_s), Counter[str]()
    clock = Steps(now_s)
    topics = load(None, {}).topics
    sent = KeptMessages(topics.audit)
    worker = _worker(forge, sent, reached, clock)
    cases = list(forge.cases(each))
    places: dict[str, Case] = {}
    for offset, case in enumerate(cases):
        message = case.message
        record = RecordedIntent(offset, int(now_s * 1000), message.key, message.value, message.headers)
        places[f"{topics.actions}[0]@{offset}"] = case
        clock.at_s += STEP_S
        await worker.process(TP(topics.actions, 0), record)
    by_key = {case.intent.key: case for case in cases}
    reasons: dict[str, Counter[str]] = {case.name: Counter() for case in cases}
    for entry in sent.entries:
        found = places.get(entry.subject) or by_key.get(entry.subject)
        if found is not None and entry.event in REFUSED and entry.reason:
            reason = entry.reason.replace(found.intent.key, "KEY").replace(found.intent.target, "TARGET")
            reasons[found.name][reason] += 1
    return _judge(cases, reasons, reached)


def _judge(cases: list[Case], reasons: dict[str, Counter[str]], reached: Counter[str]) -> ForgeResult:
    kinds = {}
    for name, why in reasons.items():
        own = [case for case in cases if case.name == name]
        ran = sum(reached[case.intent.key] for case in own)
        kinds[name] = KindResult(len(own), why.total(), ran, dict(sorted(why.items())))
    good, bad = kinds["good"], [result for name, result in kinds.items() if name != "good"]
    passed = (
        good.ran == good.intents and good.refused == 0 and reached.total() == good.ran
        and all(result.refused == result.intents and result.ran == 0 for result in bad)
    )
    return ForgeResult(
        "forge", sum(result.intents for result in bad), sum(result.refused for result in bad), good.intents, good.ran,
        passed, kinds,
    )


def _worker(forge: Forge, sent: KeptMessages, reached: Counter[str], clock: Steps) -> ActionWorker:
    """The action worker of a process that only executes, with the real checks."""
    topics, tracing, ledger = load(None, {}).topics, Tracing(), MemoryLedger()
    telemetry = Telemetry(Labels(), version="drill")
    authenticity = Authenticity(forge.ring, SOURCE)
    effects = Effects(
        Identity(SOURCE, "drill", "drill"),
        Clocks(*[clock.now_s] * 4),
        sent, Audit(topics.audit, SOURCE, tracing), DeadLetterWriter(topics.dead_letters, telemetry), telemetry,
        tracing, authenticity,
    )
    gate = Gate(ALLOWED, ApprovalCheck(forge.directory, forge.ring, SOURCE))
    executor = Executor(
        {kind: CountingTarget(kind, reached) for kind in ("circuit_breaker", "throttle", "rollback")}, ledger, LIMITS,
        clock.now_s, False, Hooks(forbids=gate.refusal),
    )
    # Only `recover` and `prune_ledger` use the worker's own ledger, and neither runs here.
    return ActionWorker(executor, cast("TopicLedger", ledger), Alone(), effects, topics, lambda: 1)
