"""The page in a real Chromium, without a window: what one sees, what one does, and what hostile text does not do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from playwright.async_api import Browser, expect

from actions.remedies.changes import begun
from classifiers.directives import Expire, Matcher, Silence
from classifiers.model import Acknowledgement, Anomaly, AuditEntry, Factor, Scope
from classifiers.series_windows import ServiceSeries, ShardReport
from classifiers.viewing_by_hand import Watch
from streams.cli.recordings.comparison_text import to_json
from streams.replay.comparison import Comparison, IncidentDifference
from streams.respond.page.comparing import Comparing
from tests.actions.approvals.cases import T, incident, suggested
from tests.streams.fakes import outcome
from tests.streams.page.browser.browsing import HOSTILE, is_wider_than_the_screen, log_in_as, opened, serious_faults
from tests.streams.page.screenshots import SHOWN, shown_text
from tests.streams.page.served import WINDOW, ServedPage
from tests.streams.page.simulated import played, told

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Compared(Comparing):
    """Answers at once with what `tocsin replay --json` prints where an incident is gone."""

    async def _run(self, recording: Path, configuration: Path) -> dict[str, Any]:
        assert (recording.name, configuration.name) == ("day.jsonl", "deaf.yaml")
        found = Comparison((IncidentDifference("gone", incident(), "nothing reached the level"),))
        answer: dict[str, Any] = orjson.loads(orjson.dumps(to_json(found)))
        return answer


def evidence() -> tuple[Anomaly, ...]:
    scope = Scope("chat", version="v2")
    return tuple(
        Anomaly(scope, "latency_ms", "cusum", at_s, at_s + 1.0, 900.0, 300.0, 1.5, "up", 20, T) for at_s in (T, T + 5.0)
    )


async def test_quiet_is_said_in_words(browser: Browser, served: ServedPage) -> None:
    page, heading = await opened(browser, served), "No incident is open, and no service is watched yet"
    for warming, then in ((10, "No incident is open, and all series still warm up: nothing is judged yet"),
                          (2, "Quiet: no incident is open; 2 of 10 series still warm up"),
                          (0, "Quiet: no incident is open")):
        await expect(page.locator("h1")).to_have_text(heading)
        served.page.state.add_service_series(ServiceSeries("chat", None, T - warming, 10, warming, 0, (), ()))
        served.page.feed.wake()
        heading = then
    await expect(page.locator("h1")).to_have_text(heading)


async def test_two_viewers_see_a_change_without_reloading(browser: Browser, served: ServedPage) -> None:
    now = await opened(browser, served)
    served.tell(incident(severity="P1"))
    await expect(now.locator("h1")).to_have_text("1 incident open: 1 P1")
    one = await opened(browser, served, "#/incident/inc-1")
    for page in (now, one):
        await expect(page.locator("main")).to_contain_text("nobody has it")
    served.tell(incident(severity="P1", owners=("ann",), assigned_to="ann"))
    for page in (now, one):
        await expect(page.locator("main")).to_contain_text("owner ann")
    served.tell(incident(state="resolved", resolved_at_s=T + 30.0))
    await expect(now.locator("h1")).to_have_text("No incident is open, and no service is watched yet")
    await expect(one.locator(".incident-head")).to_contain_text("resolved")


async def test_what_happened_while_the_connection_was_broken_is_shown_after_it(
    browser: Browser, served: ServedPage,
) -> None:
    page = await opened(browser, served)
    await page.route("**/page/**", lambda route: route.abort())
    served.cut_connections()
    await expect(page.get_by_text("connection lost, trying again")).to_be_visible()
    served.tell(incident())
    await expect(page.locator("h1")).to_have_text("No incident is open, and no service is watched yet")
    await page.unroute("**/page/**")
    await expect(page.locator("h1")).to_have_text("1 incident open: 1 P2", timeout=40_000)


async def test_an_approver_approves_and_a_responder_cannot(browser: Browser, served: ServedPage) -> None:
    served.tell(incident())
    served.ask(suggested())
    for who, may in (("rob", False), ("ann", True)):
        page = await opened(browser, served)
        await log_in_as(page, who)
        approve = page.get_by_role("button", name="Approve")
        await expect(approve).to_be_enabled(enabled=may)
    await approve.click()
    await expect(page.locator("dialog")).to_contain_text("You approve: throttle chat/v2")
    await page.locator("dialog button[type=submit]").click()
    await expect(page.locator("#toast")).to_contain_text("Written")
    assert [one.by for one in served.log.written] == ["ann"]


async def test_a_service_shows_its_series_with_bands_and_its_parts_by_level(
    browser: Browser, served: ServedPage,
) -> None:
    told(served.page.state)
    page = await opened(browser, served, "#/services")
    await expect(page.locator("h1")).to_have_text("Watching 18 series of 1 service")
    await page.get_by_text("chat, model gpt").click()
    await expect(page.locator("h1")).to_have_text("chat, model gpt")
    await expect(page.locator("figure canvas")).to_have_count(2 * 8)
    await expect(page.locator(".heats tbody tr")).to_have_count(5)
    await expect(page.locator("table.listed tbody tr")).to_have_count(18)
    await page.locator("input[name=find]").fill("confidence r2")
    await page.get_by_role("button", name="Find").click()
    await expect(page.locator("figure")).to_have_count(0)
    await expect(page.get_by_text("No series that is drawn fits; all are listed below.")).to_be_visible()
    await expect(page.locator("table.listed tbody tr")).to_contain_text(["not published"])
    for found in ("latency_ms chat/gpt, replica r1", "latency_ms replica r1"):  # as its plot and the list name it
        await page.locator("input[name=find]").fill(found)
        await page.get_by_role("button", name="Find").click()
        await expect(page.locator("figure")).to_have_count(1)
    await expect(page.locator("figure .readout")).to_contain_text("expected")


@pytest.mark.parametrize(("ago_s", "text"), [(500.0, "no windows for"), (5.0, "warming up")])
async def test_a_service_without_windows_of_late_is_not_shown_by_its_last_ones(
    browser: Browser, served: ServedPage, ago_s: float, text: str,
) -> None:
    served.page.state.add_service_series(ServiceSeries("chat", None, T + 60.0 - ago_s, 10, 0, 0, (), ()))
    for view in ("#/services", "#/service/chat"):
        page = await opened(browser, served, view)
        await expect(page.locator("main")).to_contain_text(text)


async def test_a_viewer_has_a_series_drawn_that_is_not_published(browser: Browser, served: ServedPage) -> None:
    told(served.page.state)
    page = await opened(browser, served, "#/service/chat?model=gpt&find=confidence+r2")
    row = page.locator("table.listed tbody tr")
    await expect(row).to_contain_text("replica r2")
    await expect(row.get_by_role("button")).to_have_count(0)
    await log_in_as(page, "vera")
    await row.get_by_role("button", name="Draw").click()
    await expect(page.locator("dialog")).to_contain_text("of confidence of replica r2 are published for 10 minutes")
    await page.locator("dialog button[type=submit]").click()
    await expect(page.locator("#toast")).to_contain_text("Written")
    (written,) = served.log.written
    assert isinstance(written, Watch)
    assert (written.service, written.model, written.metric, written.part) == ("chat", "gpt", "confidence", "replica/r2")
    newest = played().service_series[-1]
    drawn = next(one for one in newest.top if one.metric == "confidence" and one.scope.replica is None)
    more = replace(drawn, scope=replace(drawn.scope, replica="r2"), end_s=tuple(at_s + 15.0 for at_s in drawn.end_s))
    served.page.state.add_service_series(replace(newest, at_s=newest.at_s + 15.0, top=(more,)))
    served.page.feed.wake()
    await expect(row).to_contain_text("above")
    await expect(page.locator("figure")).to_have_count(1)


async def test_a_person_compares_a_configuration_with_what_is_in_force(
    browser: Browser, served: ServedPage, tmp_path: Path,
) -> None:
    (tmp_path / "deaf.yaml").write_text("version: 1\n")
    (tmp_path / "day.jsonl").write_text("")
    served.page.comparing = Compared(tmp_path, None)
    page = await opened(browser, served)
    await log_in_as(page, "vera")
    await page.get_by_role("link", name="Configuration").click()
    await expect(page.locator("main h1")).to_have_text("Configuration in force")
    await page.get_by_text("kafka", exact=True).click()
    await expect(page.locator("details[open] pre")).to_contain_text("brokers")
    assert await serious_faults(page) == []
    await page.get_by_role("button", name="Compare").click()
    await expect(page.locator("[role=status] .tag")).to_have_text(["gone"])
    await expect(page.locator("[role=status] .item")).to_contain_text("v2 is slow")


async def test_now_says_who_watches_and_what_was_dropped(browser: Browser, served: ServedPage) -> None:
    told(served.page.state)
    page = await opened(browser, served)
    panel = page.get_by_label("Tocsin itself")
    for text in ("18 series of 1 service", "1 worker for 1 shard", "12 late", "3 malformed"):
        await expect(panel).to_contain_text(text)


@pytest.mark.parametrize(("view", "heading"), [
    ("#/", "No incident is open, but Tocsin itself has a problem"),
    ("#/status", "No incident is open, but not all services are watched and judged."),
])
async def test_a_worker_that_is_gone_is_not_taken_for_quiet(
    browser: Browser, served: ServedPage, view: str, heading: str,
) -> None:
    served.page.state.add_shard_report(ShardReport(1, "tocsin/w1", T - 900.0, T - 300.0, None, 0.0, 0, 0, 0, 0, 0, {}))
    page = await opened(browser, served, view)
    await expect(page.locator("h1")).to_have_text(heading)
    if view == "#/":
        banner = page.get_by_role("alert")
        await expect(banner).to_contain_text("shard 1 is not watched: nothing was heard of tocsin/w1 since")
        await expect(page.get_by_label("Tocsin itself")).to_contain_text("1 problem")


async def test_what_a_person_keeps_is_shown_without_an_end_and_can_be_undone(
    browser: Browser, served: ServedPage,
) -> None:
    remedy = begun(None, replace(suggested(), mode="auto"), 3600.0, None, T)
    assert remedy is not None
    kept = replace(remedy, state="kept", by_hand_s=T + 5.0, reason="kept by anna: the new version is worse")
    served.page.state.add_in_force(orjson.dumps(kept.to_json()))
    page = await opened(browser, served)
    panel = page.get_by_label("In force at targets")
    for text in ("throttle chat/v2", "kept by anna", "stays until a person takes it back"):
        await expect(panel).to_contain_text(text)
    await log_in_as(page, "rob")
    await expect(panel.get_by_role("button", name="Undo")).to_be_enabled()
    await expect(panel.get_by_role("button", name="Keep")).to_have_count(0)


async def test_what_somebody_types_outlasts_a_change(browser: Browser, served: ServedPage) -> None:
    told(served.page.state)
    page = await opened(browser, served, "#/service/chat?model=gpt")
    field = page.locator("input[name=find]")
    await field.press_sequentially("late")
    await page.evaluate("document.querySelector('main h1').dataset.before = 'yes'")
    served.tell(incident())
    await expect(page.locator("main h1[data-before]")).to_have_count(0)
    await expect(field).to_have_value("late")
    await field.press_sequentially("ncy")
    await expect(field).to_have_value("latency")


async def test_only_actions_that_ran_are_marked_in_plots(browser: Browser, served: ServedPage) -> None:
    page = await opened(browser, served)
    acts = [{"kind": "rollback", "undo": False, "ran": ran, "done_at_s": T} for ran in (False, True, False)]
    shown = {"onset_at_s": T, "opened_at_s": T, "resolved_at_s": None, "all_actions": acts}
    marks = await page.evaluate("async (one) => (await import('./assets/plot.js')).marksOf(one)", shown)
    assert [text for _, text, _ in marks] == ["onset", "opened", "rollback"]


async def test_the_timeline_says_in_words_what_people_and_actions_did(browser: Browser, served: ServedPage) -> None:
    state = served.page.state
    served.tell(incident(
        onset_at_s=T - 20.0, owners=("ana",), assigned_to="ana",
        acknowledged=Acknowledgement("ben", T + 3.0, T + 900.0),
    ))
    for one in (
        AuditEntry(T, "inc-1", "confirm", "pending", "open", "chat latency: 2 series"),
        AuditEntry(T + 3.0, "inc-1", "acknowledge", "open", "open", "nobody else is notified: on it", "ben"),
        AuditEntry(T + 4.0, "inc-1", "assign", "open", "open", "ana is owner", "cleo"),
        AuditEntry(T + 5.0, "k1", "claimed", "pending", "claimed", "throttle on chat/my_replica may run now", "anna"),
        AuditEntry(T + 9.0, "inc-1", "calm", "open", "clearing", "no alarm"),
        AuditEntry(T + 11.0, "inc-1", "lapse", "clearing", "clearing", "the time of ben is over"),
    ):
        state.add_audit(one)
    asked = suggested(target="chat/my_replica")
    state.add_intent(asked)
    state.add_outcome(outcome(asked, "failed", T + 6.0))
    state.add_outcome(outcome(asked, "executed", T + 7.0))
    page = await opened(browser, served, "#/incident/inc-1")
    await expect(page.locator(".incident-head")).to_contain_text("owner ana, acknowledged by ben")
    rows = page.locator(".timeline li")
    assert [await row.locator(".event").inner_text() for row in await rows.all()] == [
        "change began", "incident opened", "action decided", "acknowledged\nby ben", "assigned\nby cleo",
        "action started\nby anna", "action failed", "action done", "alarms stopped", "acknowledgement ran out",
    ]
    await expect(rows.nth(3)).to_contain_text("nobody else is notified: on it")
    await expect(rows.nth(7)).to_contain_text("throttle chat/my_replica")


async def test_an_incident_is_drawn_from_before_its_onset_and_goes_on_live(
    browser: Browser, served: ServedPage,
) -> None:
    told(served.page.state)
    run = played()
    (incident,) = run.incidents.values()
    page = await opened(browser, served, f"#/incident/{incident.id}")
    readout = page.locator("figure .readout").first
    before = await readout.text_content()
    newest = run.incident_series[-1]
    later = replace(newest, at_s=newest.at_s + 5.0, series=tuple(
        replace(one, end_s=tuple(at_s + 5.0 for at_s in one.end_s)) for one in newest.series
    ))
    served.page.state.add_incident_series(later)
    served.page.feed.wake()
    await expect(readout).not_to_have_text(before or "")


async def test_hostile_labels_are_shown_and_not_run(browser: Browser, served: ServedPage) -> None:
    served.tell(incident(title=HOSTILE, version=HOSTILE, factors=(Factor("x", HOSTILE, 1.0, HOSTILE),)))
    page = await opened(browser, served)
    await expect(page.locator(".row .title")).to_have_text(HOSTILE)
    await page.locator(".row").click()
    await expect(page.locator("h1")).to_have_text(HOSTILE)
    assert (await page.title(), await page.locator("main img, main script").count()) == ("(1) Tocsin", 0)


async def test_the_status_page_does_not_say_that_somebody_works_on_what_nobody_has_taken(
    browser: Browser, served: ServedPage,
) -> None:
    served.tell(incident(severity="P1"))
    page = await opened(browser, served, "#/status")
    await expect(page.locator("h1")).to_have_text("1 serious incident is open; the worst is P1.")
    await expect(page.locator("main .item")).to_contain_text("Nobody has taken it yet.")


@pytest.mark.parametrize("width", [1360, 390])
@pytest.mark.parametrize("view", [
    "#/", "#/incident/inc-1", "#/history", "#/status", "#/services", "#/service/chat?model=gpt",
])
async def test_no_view_has_a_serious_fault_of_accessibility_or_is_wider_than_the_screen(
    browser: Browser, served: ServedPage, view: str, width: int,
) -> None:
    served.tell(incident(evidence=evidence(), factors=(Factor("latency", 3.0, 2.0, "requests take 3 times as long"),)))
    served.ask(suggested())
    told(served.page.state)
    page = await opened(browser, served, view, width)
    await expect(page.locator("h1")).to_be_visible()
    assert await serious_faults(page) == []
    assert not await is_wider_than_the_screen(page)


@pytest.mark.parametrize("view", ["now", "incident"])
async def test_a_picture_in_the_readme_has_the_headings_and_names_of_its_view(
    browser: Browser, served: ServedPage, view: str,
) -> None:
    """If not: `make screenshots` takes the pictures anew."""
    told(served.page.state)
    (incident_id,) = played().incidents
    page = await opened(browser, served, "#/" if view == "now" else f"#/incident/{incident_id}")
    await page.locator("main h2").first.wait_for()
    assert await shown_text(page) == orjson.loads(SHOWN.read_bytes())[view]["text"]


async def test_a_silence_is_shown_with_who_why_and_until_when_also_without_an_incident(
    browser: Browser, served: ServedPage,
) -> None:
    silence = Silence("sil-1", (Matcher("service", "=", "chat"),), T, T + 3600.0, "ann", "moving racks")
    served.page.state.add_silence(silence)
    page = await opened(browser, served)
    panel = page.get_by_label("Silences")
    for text in ("service chat", "nobody is told", "by ann", "moving racks"):
        await expect(panel).to_contain_text(text)
    await expect(panel).not_to_contain_text("tocsin control expire")
    await page.evaluate("location.hash = '#/status'")
    printed = page.locator(".report")
    await expect(printed).to_contain_text("1 silence is in force. Nobody is told of incidents of:service chat; until")
    await expect(printed).to_contain_text("by ann: moving racks")
    await page.evaluate("location.hash = '#/'")
    served.tell(incident(silenced_by="sil-1"))
    for view in ("#/", "#/incident/inc-1"):
        await page.evaluate("view => { location.hash = view; }", view)
        await expect(page.get_by_text("silenced by ann until")).to_contain_text(": moving racks")
    await page.evaluate("location.hash = '#/'")
    served.page.state.add_silence(Expire("sil-1", "ann", T + 30.0))
    served.page.feed.wake()
    await expect(panel).to_have_count(0)
    await page.evaluate("location.hash = '#/status'")
    await expect(printed).to_contain_text("No silence is in force.")


async def test_a_silence_that_may_cover_several_services_is_ended_by_the_command_that_the_page_names(
    browser: Browser, served: ServedPage,
) -> None:
    served.page.state.add_silence(Silence("wide", (Matcher("service", "=~", "ch.*"),), T, T + 3600.0, "ann", "racks"))
    page = await opened(browser, served, who="rob")
    panel = page.get_by_label("Silences")
    await expect(panel).to_contain_text("tocsin control expire wide")
    await expect(panel.get_by_role("button")).to_have_count(0)


async def test_a_maintenance_window_says_when_it_ends_and_offers_no_end(browser: Browser, served: ServedPage) -> None:
    served.page.state.heard(T)
    served.tell(incident(silenced_by=WINDOW.name))
    page = await opened(browser, served, "#/incident/inc-1", who="rob")
    text = "silenced by the maintenance window nightly of the configuration until"
    await expect(page.get_by_text(text)).to_contain_text("09:00")
    await expect(page.get_by_role("button", name="Acknowledge")).to_have_count(1)
    await expect(page.get_by_role("button", name="End silence")).to_have_count(0)


async def test_a_breaker_on_trial_says_what_it_waits_for_and_not_that_it_ends_in_hours(
    browser: Browser, served: ServedPage,
) -> None:
    wanted = suggested("b", kind="circuit_breaker", target="chat/r1", mode="auto")
    opened_one = begun(None, wanted, 4 * 3600.0, None, T)
    assert opened_one is not None
    assert opened_one.breaker is not None
    served.in_force(replace(opened_one, breaker=replace(opened_one.breaker, state="half_open", until_s=None)))
    page = await opened(browser, served)
    item = page.locator("[data-key='circuit_breaker/chat/r1']")
    await expect(item).to_contain_text("breaker half open")
    await expect(item).to_contain_text("It closes once no incident about it was open for 60 s")
    await expect(item).not_to_contain_text("ends in")
    shut = replace(opened_one, version=opened_one.version + 1)
    served.in_force(replace(shut, breaker=replace(opened_one.breaker, state="open", until_s=T + 90.0)))
    await expect(item).to_contain_text("When its time is over, traffic tries it. That is in 30 s.")
