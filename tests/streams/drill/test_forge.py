"""The drill `forge` refuses every bad intent with a reason, and fails when one check is missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from actions.trust.allow_list import AllowList
from actions.trust.approvals import ApprovalCheck
from actions.trust.keys import KeyRing
from streams.cli import main
from streams.drill import forge as drill
from streams.drill.forge import drill_forge
from streams.trust.authenticity import Authenticity
from tests.streams.fakes import T

BAD = {
    "unsigned", "wrong_key", "expired_key", "edited", "replayed", "expired", "not_allowed", "unauthorised",
}


async def test_every_bad_intent_of_eight_kinds_is_refused_with_a_reason_and_every_good_one_runs_once() -> None:
    result = await drill_forge(T, each=50)
    assert {name: (kind.intents, kind.refused, kind.ran) for name, kind in result.kinds.items()} == {
        "good": (50, 0, 50), **dict.fromkeys(BAD, (50, 50, 0)),
    }
    assert (result.bad, result.refused, result.good, result.ran, result.passed) == (400, 400, 50, 50, True)


@pytest.mark.parametrize(("where", "name", "without", "kinds"), [
    (Authenticity, "check", lambda *_: None, {"unsigned", "wrong_key", "expired_key", "edited", "replayed"}),
    (ApprovalCheck, "lacking", lambda *_: None, {"unauthorised"}),
    (AllowList, "find", lambda self, _: self.lines[0], {"not_allowed"}),
    (KeyRing, "verify", lambda self, key, *_: self._keys.get(key, self.keys[0]), {"wrong_key", "edited"}),
])
async def test_the_drill_fails_where_a_check_is_missing(
    monkeypatch: pytest.MonkeyPatch, where: type, name: str, without: Callable[..., object], kinds: set[str],
) -> None:
    monkeypatch.setattr(where, name, without)
    result = await drill_forge(T, each=12)
    assert not result.passed
    assert kinds <= {name for name, kind in result.kinds.items() if kind.ran and name != "good"}


def test_the_command_prints_json_and_exits_with_1_when_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = CliRunner().invoke(main, ["drill", "forge", "--each", "2"])
    assert (passed.exit_code, '"passed": true' in passed.stdout) == (0, True)
    monkeypatch.setattr(drill, "REFUSED", frozenset())
    failed = CliRunner().invoke(main, ["drill", "forge", "--each", "2"])
    assert (failed.exit_code, '"passed": false' in failed.stdout) == (1, True)
