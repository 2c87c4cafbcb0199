"""The drill `crash` passes, and fails where a role forgets what it must not."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from actions.ledger.ledger import MemoryLedger
from streams.cli import main
from streams.drill import crash
from streams.drill.crash import CrashingInstallation, drill_crash
from streams.drill.verdict import DrillResult


def failed(result: DrillResult) -> set[str]:
    return {check.name for check in result.checks if not check.passed}


async def test_two_hundred_kills_at_random_run_nothing_twice_and_lose_nothing() -> None:
    result = await drill_crash()
    assert failed(result) == set(), result.as_json()


async def test_it_fails_where_the_ledger_forgets_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crash, "MemoryLedger", lambda _: MemoryLedger())
    assert "keys_twice" in failed(await drill_crash(kills=100))


async def test_it_fails_where_what_was_in_doubt_is_told_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_: object) -> list[object]:
        return []

    monkeypatch.setattr(MemoryLedger, "recover", nothing)
    assert "in_force_at_the_end" in failed(await drill_crash(kills=100))


async def test_it_fails_where_the_desk_forgets_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    kill = CrashingInstallation.kill_desk

    def forgetting(self: CrashingInstallation) -> None:
        for key in list(self.desk.requests):
            self.desk.forget(key)
        kill(self)

    monkeypatch.setattr(CrashingInstallation, "kill_desk", forgetting)
    assert "requests_ended_twice" in failed(await drill_crash(kills=100))


def test_the_command_takes_the_number_of_kills_and_a_seed() -> None:
    done = CliRunner().invoke(main, ["drill", "crash", "--kills", "3", "--seed", "7"])
    assert (done.exit_code, '"kills"' in done.stdout) == (1, True)  # so few kills see too few remedies
