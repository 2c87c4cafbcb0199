"""What the page shows of the configuration and of the clock stays true while it stays open: no restart, no reload."""

from __future__ import annotations

from pathlib import Path

import orjson

from classifiers.by_hand import Override
from classifiers.model import Incident
from config.models import Config
from streams.kafka.settings import settings_of
from streams.page.now_view import now_view
from streams.respond.page.page import Page
from streams.trust.setup import authenticity_of
from tests.actions.approvals.cases import SOURCE, T, incident
from tests.streams.fakes import config_of

WINDOW = "maintenance: [{name: nightly, time_intervals: [{times: [{start_time: '%s', end_time: '%s'}]}]}]\n"
ON_CALL = """\
version: 1
people: {ann: {roles: [responder]}, ben: {roles: [responder]}}
schedules: {primary: {tz: UTC, people: [ann, ben], handover: "09:00", every: 1d}}
"""
DAY_S = 86_400.0


class Opened:
    """A page at an hour of its clock, and what it shows."""

    def __init__(self, config: Config) -> None:
        self.now_s = T
        self.overrides: list[Override] = []
        self.page = Page(
            config, settings_of(config), authenticity_of(config, SOURCE), lambda: self.overrides, tuple,
            lambda: self.now_s, lambda: self.now_s, lambda: 0.0,
        )

    def tell(self, known: Incident) -> None:
        self.page.state.add_incident(known)
        self.page.state.heard(T)

    @property
    def maintenance(self) -> object:
        (row,) = now_view(self.page.state)["incidents"]
        return row["maintenance"]

    @property
    def on_call(self) -> list[str | None]:
        return [one.person for one in self.page.status()["on_call"]]


async def test_a_reload_brings_the_maintenance_windows_and_runbooks_of_the_new_file(tmp_path: Path) -> None:
    shown = Opened(config_of(tmp_path))
    shown.tell(incident(silenced_by="nightly"))
    shown.tell(incident("loud"))
    shown.page.state.add_incident(incident("loud", state="resolved", resolved_at_s=T))
    assert shown.maintenance is None
    before = shown.page.state.changes.revision
    new = config_of(tmp_path, "version: 1\n" + WINDOW % ("00:00", "24:00"))
    book = new.playbooks[0]
    shown.page.reconfigure(new.model_copy(update={"playbooks": (book,)}))
    assert shown.maintenance is not None
    assert shown.page.state.changes.since(before) == [("incident", "inc-1")]
    assert shown.page.runbooks == {book.name: book.runbook}
    shown.page.reconfigure(config_of(tmp_path))
    assert shown.maintenance is None


async def test_who_watches_for_days_sees_who_is_on_call_today(tmp_path: Path) -> None:
    shown = Opened(config_of(tmp_path, ON_CALL))
    shown.now_s += 0.5 * DAY_S
    (until_s,) = [one.until_s for one in shown.page.on_call()]
    assert until_s is not None
    shown.now_s = until_s - 0.1
    (today,) = shown.on_call
    shown.now_s = until_s
    assert {*shown.on_call, today} == {"ann", "ben"}
    event = await anext(shown.page.feed.events(shown.page.feed.position))
    told = orjson.loads(event.partition(b"data: ")[2])
    assert [one["person"] for one in told["on_call"]] == shown.on_call


async def test_an_override_is_shown_at_once(tmp_path: Path) -> None:
    shown = Opened(config_of(tmp_path, ON_CALL))
    (person,) = shown.on_call
    other = "ben" if person == "ann" else "ann"
    shown.overrides = [Override("primary", other, T, T + DAY_S, "ann", T)]
    assert shown.on_call == [other]
