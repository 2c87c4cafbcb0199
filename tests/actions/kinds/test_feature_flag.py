"""A feature flag is switched in flagd's file without losing what else is in it."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from actions.base import Refusal, RunContext, TargetError
from actions.kinds.flags.feature_flag import FeatureFlagParams
from actions.kinds.flags.json_file import JsonFile
from tests.actions.simulators.flag_file import CONTENT, FlagFileSimulator

LIVE = RunContext()


@pytest.fixture
def flags(tmp_path: Path) -> FlagFileSimulator:
    return FlagFileSimulator(tmp_path)


def content(flags: FlagFileSimulator) -> dict[str, dict[str, dict[str, object]]]:
    found: dict[str, dict[str, dict[str, object]]] = json.loads(flags.path.read_text(encoding="utf-8"))
    return found


async def test_switch_and_undo_leave_everything_else_as_it_was(flags: FlagFileSimulator) -> None:
    await flags.action.run(flags.intent(), LIVE)
    switched = content(flags)["flags"]["long_context"]
    assert switched["defaultVariant"] == "off"
    assert switched["metadata"] == {
        "owner": "ü", "tocsin.key": "k1", "tocsin.incident": "i1", "tocsin.before": "on", "tocsin.variant": "off",
    }
    await flags.action.run(replace(flags.intent(), key="u", undo=True), LIVE)
    assert content(flags) == CONTENT
    assert "ü" in flags.path.read_text(encoding="utf-8")


async def test_flagd_itself_answers_what_was_switched(flags: FlagFileSimulator) -> None:
    core = pytest.importorskip("openfeature.contrib.tools.flagd.core", reason="flagd's evaluator is not installed")

    def answer() -> object:
        evaluator = core.FlagdCore()
        evaluator.set_flags(flags.path.read_text(encoding="utf-8"))
        return evaluator.resolve_boolean_value("long_context", None).value

    assert answer() is True
    await flags.action.run(flags.intent(), LIVE)
    assert answer() is False
    await flags.action.run(replace(flags.intent(), key="u", undo=True), LIVE)
    assert answer() is True


async def test_flag_that_somebody_else_switched_stays(flags: FlagFileSimulator) -> None:
    await flags.action.run(flags.intent(), LIVE)
    changed = content(flags)
    changed["flags"]["long_context"]["defaultVariant"] = "on"
    flags.path.write_text(json.dumps(changed), encoding="utf-8")
    assert (await flags.action.read_back(flags.intent())).applied is False
    with pytest.raises(Refusal, match="switched to on by somebody else"):
        await flags.action.run(replace(flags.intent(), key="u", undo=True), LIVE)


async def test_one_incident_at_a_time_switches(flags: FlagFileSimulator) -> None:
    await flags.action.run(flags.intent(), LIVE)
    other = replace(flags.intent(), key="k2", incident_id="i2")
    for intent in (other, replace(other, undo=True)):
        with pytest.raises(Refusal, match="for incident i1"):
            await flags.action.run(intent, LIVE)


@pytest.mark.parametrize(("changed", "word"), [
    ({"state": "DISABLED"}, "is DISABLED, expected ENABLED"),
    ({"targeting": {"if": [True, "on"]}}, "has targeting rules"),
    ({"defaultVariant": "off"}, "has the variant off already"),
])
async def test_flag_in_another_state_is_left_alone(
    flags: FlagFileSimulator, changed: dict[str, object], word: str
) -> None:
    before = content(flags)
    before["flags"]["long_context"].update(changed)
    flags.path.write_text(json.dumps(before), encoding="utf-8")
    with pytest.raises(Refusal, match=word):
        await flags.action.run(flags.intent(), LIVE)
    assert content(flags) == before


async def test_unknown_variant_and_missing_names_are_not_retried(flags: FlagFileSimulator) -> None:
    for params in ({"flag": "long_context", "variant": "half"}, {"flag": "long_context"}, {"variant": "off"}):
        with pytest.raises(TargetError) as caught:
            await flags.action.run(replace(flags.intent(), params=dict(params)), LIVE)
        assert not caught.value.retryable


async def test_two_writers_lose_nothing(flags: FlagFileSimulator) -> None:
    def count(content: dict[str, object]) -> bool:
        found = content.get("count", 0)
        content["count"] = (found if isinstance(found, int) else 0) + 1
        return True

    files = [JsonFile(str(flags.path), 10.0) for _ in range(8)]
    await asyncio.gather(*(asyncio.to_thread(file.change, count) for file in files))  # type: ignore[arg-type]
    assert json.loads(flags.path.read_text(encoding="utf-8"))["count"] == 8


def test_link_and_permissions_stay(flags: FlagFileSimulator, tmp_path: Path) -> None:
    flags.path.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(flags.path)
    JsonFile(str(link), 1.0).change(lambda content: content.update(x=1) is None)
    assert link.is_symlink()
    assert stat.S_IMODE(flags.path.stat().st_mode) == 0o640
    assert json.loads(flags.path.read_text(encoding="utf-8"))["x"] == 1


def test_change_that_fails_writes_nothing(flags: FlagFileSimulator, tmp_path: Path) -> None:
    def fail(_content: object) -> bool:
        raise Refusal("no")

    with pytest.raises(Refusal):
        JsonFile(str(flags.path), 1.0).change(fail)
    assert content(flags) == CONTENT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flags.json", "flags.json.lock"]


def test_pipe_in_place_of_the_file_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    os.mkfifo(path)
    with pytest.raises(TargetError, match="expected a regular file"):
        JsonFile(str(path), 1.0).read()


@pytest.mark.parametrize(("make", "word"), [
    (lambda: FeatureFlagParams("/etc/flags.yaml"), r"FeatureFlagParams.path: '/etc/flags.yaml'"),
    (lambda: FeatureFlagParams("/etc/flags.json", lock_timeout_s=-1), "FeatureFlagParams.lock_timeout_s"),
])
def test_params_out_of_range_are_named(make: Callable[[], object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make()
