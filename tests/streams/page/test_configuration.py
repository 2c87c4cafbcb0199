"""The configuration in force is shown without secrets, and compared in a process of its own within its time."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.respond.page.comparing import Busy, Comparing
from streams.respond.page.configuration import ShownConfiguration
from tests.simulation.fleet import fleet, sick, steady
from tests.streams.fakes import config_of
from tests.streams.page.served import OF_PAGE, ServedPage, log_in

WITH_SECRETS = """\
version: 1
labels: {hashed: [tenant], secret: 0123456789abcdef-secret}
people: {ann: {roles: [viewer], token_sha256: "%s"}}
""" % ("ab" * 32)


DEAF = "{name: latency, metrics: latency_ms, min_abs: 100000}"
"""A profile that hears nothing of latency."""


def record(file: Path) -> None:
    """A fleet of which one replica becomes slow, as JSON lines."""
    play = fleet()
    values = [
        one.value or b"" for second in range(130)
        for one in play.next_second(sick("r1") if second >= 90 else steady)
    ]
    file.write_bytes(b"\n".join(values))


def section(view: dict[str, object], name: str) -> str:
    sections = view["sections"]
    assert isinstance(sections, list)
    (text,) = [one["text"] for one in sections if one["name"] == name]
    return str(text)


def test_secrets_and_hashes_of_tokens_are_hidden(tmp_path: Path) -> None:
    shown = ShownConfiguration(config_of(tmp_path, WITH_SECRETS), lambda: 5.0).view()
    assert "token_sha256: '***'" in section(shown, "people")
    everything = str(shown)
    assert ("0123456789abcdef-secret" in everything, "ab" * 32 in everything) == (False, False)
    assert (shown["since_s"], shown["reload"]) == (5.0, None)


def test_a_reload_is_shown_with_what_it_changed_and_why_it_was_refused(tmp_path: Path) -> None:
    clock = [5.0]
    shown = ShownConfiguration(config_of(tmp_path), lambda: clock[0])
    clock[0] = 9.0
    shown.reloaded("invalid", config_of(tmp_path), ("the configuration file is invalid",))
    view = shown.view()
    assert (view["since_s"], view["reload"]["result"]) == (5.0, "invalid")
    changed = config_of(tmp_path, "version: 1\ndetection: {false_alarm_every: 3d}\n")
    shown.reloaded("applied", changed, ())
    view = shown.view()
    assert view["since_s"] == 9.0
    assert [one["path"] for one in view["reload"]["changes"]] == ["detection.false_alarm_every"]


async def test_only_files_of_the_folder_are_compared(tmp_path: Path) -> None:
    (tmp_path / "next.yaml").write_text("version: 1\n")
    (tmp_path / "day.jsonl").write_text("")
    comparing = Comparing(tmp_path, None)
    assert comparing.choices() == {"recordings": ["day.jsonl"], "configurations": ["next.yaml"]}
    with pytest.raises(ValueError, match=r"recording '\.\./day\.jsonl', expected one of day\.jsonl"):
        await comparing.compare("../day.jsonl", "next.yaml")
    assert Comparing(None, None).choices() == {"recordings": [], "configurations": []}


async def test_a_comparison_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    (tmp_path / "next.yaml").write_text("version: 1\n")
    record(tmp_path / "recorded.jsonl")
    comparing = Comparing(tmp_path, None, limit_s=0.01)
    with pytest.raises(ValueError, match=r"took more than 0\.01 s"):
        await comparing.compare("recorded.jsonl", "next.yaml")


async def test_the_difference_on_a_recording_is_that_of_replay(tmp_path: Path) -> None:
    (tmp_path / "deaf.yaml").write_text(f"version: 1\ndetection: {{profiles: [{DEAF}]}}\n")
    record(tmp_path / "recorded.jsonl")
    found = await Comparing(tmp_path, None).compare("recorded.jsonl", "deaf.yaml")
    assert found["same"] is False
    assert [(one["kind"], one["service"]) for one in found["incidents"]] == [("gone", "chat")]


async def test_what_cannot_be_compared_says_why(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("version: 1\ndetektion: {}\n")
    record(tmp_path / "recorded.jsonl")
    with pytest.raises(ValueError, match=r"not compared: .*detektion"):
        await Comparing(tmp_path, None).compare("recorded.jsonl", "wrong.yaml")


async def test_one_comparison_runs_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "next.yaml").write_text("version: 1\n")
    (tmp_path / "day.jsonl").write_text("")
    comparing = Comparing(tmp_path, None)
    async with comparing._lock:
        with pytest.raises(Busy):
            await comparing.compare("day.jsonl", "next.yaml")


async def test_the_configuration_always_wants_a_person() -> None:
    async with ServedPage(reads_without_login=True).running() as served:
        async with served.client.get("/page/configuration") as answer:
            assert answer.status == 401
        await log_in(served, "vera")
        async with served.client.get("/page/configuration") as answer:
            assert (answer.status, (await answer.json())["choices"]["recordings"]) == (200, [])
        body = {"recording": "x", "configuration": "y"}
        async with served.client.post("/page/configuration/compare", json=body) as answer:
            assert answer.status == 403
        async with served.client.post("/page/configuration/compare", json=body, headers=OF_PAGE) as answer:
            assert (answer.status, "expected one of none" in (await answer.json())["error"]) == (400, True)
