"""A review: facts from the record, unknown where nothing is, hostile labels inert, and the words of people kept."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import orjson
import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result

from actions.trackers.kinds import body_of
from actions.trackers.params import TrackerKind
from classifiers.accounting.slo_report import StageTargets
from classifiers.model import AuditEntry, RemedyRecord, StageTime
from streams.cli import main
from streams.review.document import markdown_of
from streams.review.facts import Settings, advice, facts_of, impact, similar
from streams.review.human import PROMPTS, BrokenReview, parts_of
from streams.review.items import items_of
from streams.review.page import html_of
from streams.review.plot import plot_of
from streams.review.trackers import task_of
from tests.actions.audiences.cases import HOSTILE, T, deviating, incident, poisoned
from tests.actions.trackers.fakes import TOKEN, Trackers

SETTINGS = Settings({"P1": StageTargets(detect_s=10.0, resolve_s=60.0)}, "EUR", {"completion_tokens": 8.0})
OVER = incident(
    state="resolved", resolved_at_s=T + 96.0, evidence=deviating("acme"),
    stage_times={"detect": StageTime(4.0, "recorded"), "resolve": StageTime(100.0, "recorded")},
)
STEPS = (
    AuditEntry(T - 1, "chat latency", "alarm", None, "pending", "latency_ms up by cusum, level 2.6"),
    AuditEntry(T, "inc-1", "confirm", "pending", "open", "chat latency: 2 series"),
    AuditEntry(T + 1, "inc-2", "confirm", "pending", "open", "another incident"),
)


class Page(HTMLParser):
    """Collects what could run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.active += [f"{tag} {name}" for name, _ in attrs if name.startswith("on") or name in ("src", "href")]


def written(folder: Path) -> Path:
    source = folder / "out"
    source.mkdir()
    (source / "incidents.jsonl").write_bytes(orjson.dumps(OVER) + b"\n")
    (source / "audit.jsonl").write_bytes(b"".join(orjson.dumps(step) + b"\n" for step in STEPS))
    return source


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["review", *map(str, arguments)])


def test_a_review_has_the_steps_of_its_incident_and_the_times_beside_their_targets() -> None:
    text = markdown_of(facts_of(OVER, [OVER], STEPS, SETTINGS), {})
    assert "level 2.6" in text
    assert "another incident" not in text
    assert "| detect | 4 s | 10 s | met |" in text
    assert "| resolve | 100 s | 60 s | missed |" in text


def test_the_timeline_of_a_review_is_in_the_words_of_people() -> None:
    said = (
        AuditEntry(T + 3, "inc-1", "calm", "open", "clearing", "no alarm"),
        AuditEntry(T + 4, "inc-1", "lapse", "clearing", "clearing", "the time for which ben acknowledged it is over"),
        AuditEntry(T + 5, "inc-1", "close", "clearing", "resolved", "ben declared it over: the card is back", "ben"),
    )
    text = markdown_of(facts_of(OVER, [OVER], (*STEPS, *said), SETTINGS), {})
    timeline = text.partition("## Timeline")[2].partition("## Evidence")[0]
    rows = [line.strip("| ").split(" | ")[2:] for line in timeline.splitlines() if line.startswith("| 2026")]
    assert [(event, state, by) for event, state, _, by in rows][2:] == [
        ("alarms stopped", "open, then no alarm for now", r"\-"),
        ("acknowledgement ran out", "no alarm for now", r"\-"),
        ("resolved by hand", "no alarm for now, then over", "ben"),
    ]
    assert "the card is back" in rows[-1][2]


def test_what_is_not_on_record_is_unknown_and_not_nothing() -> None:
    bare = incident()
    text = markdown_of(facts_of(bare, [bare], (), SETTINGS), {})
    assert "| requests | unknown |" in text
    assert "| tenants | unknown |" in text
    assert "| cost | unknown (no tokens are known) |" in text
    assert "Unknown: the audit holds nothing" in text


def test_who_was_paged_and_what_channels_were_given_is_told_in_order_and_is_no_step() -> None:
    named = (
        AuditEntry(T + 9, "notification/n1", "sent", "sending", "sent", "mail: open to cto@example.com: 250 OK"),
        AuditEntry(T + 5, "person/anna", "paged", None, None, "incident inc-1, step primary, round 1"),
        AuditEntry(T + 5, "escalation/inc-1", "fire", "active", "active", "primary: pages anna"),
    )
    facts = facts_of(OVER, [OVER], (*STEPS, *named), SETTINGS, named)
    communication = markdown_of(facts, {}).partition("## Communication")[2].partition("## ")[0]
    rows = [line.split(" | ")[1:] for line in communication.splitlines() if line.startswith("| 2026")]
    assert [(what, whom) for what, whom, _ in rows] == [("page", "anna"), ("message, sent", "mail")]
    assert "open to cto" in rows[1][2]
    assert [entry.event for entry in facts.steps] == ["alarm", "confirm", "fire"]
    assert facts_of(OVER, [OVER], (*STEPS, *named), SETTINGS).messages == ()


def test_impact_counts_a_window_once_and_prices_its_tokens() -> None:
    (one,) = deviating("acme")
    tokens = type(one)(one.scope, "completion_tokens", "cusum", T, T + 1, 500.0, 100.0, 2.0, "up", 20, T)
    found = impact(facts_of(incident(evidence=(one, tokens)), (), (), SETTINGS))
    assert (found.requests, found.tenants, found.tokens) == (20, ("acme",), {"completion_tokens": 10_000.0})
    assert found.cost == pytest.approx(0.08)


def test_users_are_counted_where_the_configuration_says_that_a_tenant_is_one() -> None:
    hit, bare = incident(evidence=tuple(deviating("h.0123456789abcdef"))), incident()
    persons = replace(SETTINGS, tenants_are_persons=True)
    for one, settings, expected in (
        (hit, persons, "| users | at least 1 (each tenant is a user) |"), (bare, persons, "| users | unknown |"),
        (hit, SETTINGS, "| users | unknown (records name tenants, not users"),
    ):
        assert expected in markdown_of(facts_of(one, (), (), settings), {})


def test_the_configuration_says_whether_a_tenant_is_a_user(tmp_path: Path) -> None:
    hit, source, file = incident(evidence=tuple(deviating("h.0123456789abcdef"))), tmp_path / "out", tmp_path / "c.yaml"
    source.mkdir()
    (source / "incidents.jsonl").write_bytes(orjson.dumps(hit) + b"\n")
    (source / "audit.jsonl").touch()
    for labels, expected in (("{hashed: [tenant], secret: sixteen-characters}", "at least 1"), ("{}", "unknown")):
        file.write_text(f"version: 1\nlabels: {labels}\n")
        drafted = run("draft", hit.id, source, "--config", file, "--out", tmp_path)
        assert drafted.exit_code == 0, drafted.output
        assert f"| users | {expected}" in (tmp_path / f"review-{hit.id}.md").read_text()


def test_similar_incidents_and_the_record_of_remedies_lead_to_advice() -> None:
    bad = tuple(RemedyRecord(str(n), "s", "throttle", "chat", "not_recovered", T, "") for n in range(3))
    before = incident(id="inc-0", opened_at_s=T - 9e4, remedies=bad)
    other = incident(id="inc-9", opened_at_s=T - 9e4, category="availability")
    facts = facts_of(OVER, [OVER, before, other], STEPS, SETTINGS)
    assert [one.id for one in similar(facts)] == ["inc-0"]
    assert any("helped in 0 of 3 cases" in line for line in advice(facts))


def test_twenty_hostile_labels_are_inert_in_the_markdown_and_on_the_page() -> None:
    for text in HOSTILE:
        own = poisoned(text)
        steps = (AuditEntry(T, own.id, text, text, text, text, text),)
        messages = (
            AuditEntry(T, "notification/n1", text, text, text, f"mail: {text}"),
            AuditEntry(T, f"person/{text}", "paged", None, None, text),
        )
        facts = facts_of(own, [own], steps, SETTINGS, messages)
        page = Page()
        page.feed(html_of(markdown_of(facts, {}), plot_of(facts), text))
        assert not page.tags & {"script", "img", "iframe", "a", "link", "object"}, text
        assert page.active == [], text
        assert parts_of(markdown_of(facts, {})) == dict(PROMPTS), text


def test_what_people_write_can_run_nothing_on_the_page() -> None:
    facts = facts_of(OVER, [OVER], STEPS, SETTINGS)
    text = markdown_of(facts, {"summary": "<script>x</script> ![i](https://e.example/x.png) [a](javascript:x)"})
    page = Page()
    page.feed(html_of(text, plot_of(facts), "t"))
    assert not page.tags & {"script", "img"}
    assert page.active == []


def test_three_drafts_leave_the_text_of_people_as_it_was(tmp_path: Path) -> None:
    source, out = written(tmp_path), tmp_path / "reviews"
    assert run("draft", "inc-1", source, "--out", out).exit_code == 0
    file = out / "review-inc-1.md"
    own = {name: f"Ours: {name}\n\n- 100 % `{{{{7*7}}}}` \\1 <b>\n" for name in PROMPTS}
    edited = file.read_text()
    for name, prompt in PROMPTS.items():
        edited = edited.replace(f"<!-- people: {name} -->\n{prompt}\n", f"<!-- people: {name} -->\n{own[name]}\n")
    file.write_text(edited)
    for _ in range(3):
        assert run("draft", "inc-1", source, "--out", out).exit_code == 0
        assert file.read_text() == edited
    assert parts_of(edited) == own


@pytest.mark.parametrize(
    "before",
    ["<!-- end: summary -->", "<!-- people: whys -->", "<!-- end: items -->"],
)
def test_a_review_with_broken_markers_is_refused_and_left_alone(tmp_path: Path, before: str) -> None:
    source, out = written(tmp_path), tmp_path / "reviews"
    run("draft", "inc-1", source, "--out", out)
    file = out / "review-inc-1.md"
    broken = file.read_text().replace(before, "")
    file.write_text(broken)
    found = run("draft", "inc-1", source, "--out", out)
    assert (found.exit_code, file.read_text()) == (2, broken)
    assert re.search(rf"{file.name}:\d+: got .*; nothing was changed", found.stderr)
    with pytest.raises(BrokenReview):
        parts_of(broken)


def test_action_items_are_listed_and_an_overdue_one_is_a_finding(tmp_path: Path) -> None:
    source, out = written(tmp_path), tmp_path / "reviews"
    run("draft", "inc-1", source, "--out", out)
    assert (run("items", "list", out).exit_code, run("items", "list", out).stdout) == (0, "")
    file = out / "review-inc-1.md"
    lines = "- [ ] Pin it (owner: ben, due: 2020-01-01)\n- [x] Done (owner: anna, due: 2020-01-01)\n- [ ] Nobody does"
    file.write_text(file.read_text().replace(PROMPTS["items"], lines))
    found = run("items", "list", out, "--json")
    assert found.exit_code == 1
    assert [(one["state"], one["owner"]) for one in map(orjson.loads, found.stdout.splitlines())] == [
        ("overdue", "ben"), ("open", None),
    ]
    assert "line 3: no owner" in found.stderr
    assert len(run("items", "list", out, "--all").stdout.splitlines()) == 3
    bodies = [orjson.loads(line) for line in run("items", "export", out, "--for", "gitlab").stdout.splitlines()]
    found_due = [(body["title"], body.get("due_date")) for body in bodies]
    assert found_due == [("Pin it", "2020-01-01"), ("Nobody does", None)]
    assert (run("items", "export", out, "--for", "jira").exit_code, run("items", "export", out).exit_code) == (2, 2)


async def test_the_open_items_of_files_are_handed_to_the_tracker_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRACKER_TOKEN", TOKEN)
    await asyncio.to_thread(run, "draft", "inc-1", written(tmp_path), "--out", tmp_path)
    file = tmp_path / "review-inc-1.md"
    file.write_text(file.read_text().replace(PROMPTS["items"], "- [ ] Pin it\n- [x] Done"))
    trackers = Trackers()
    async with TestServer(trackers.app(), host="127.0.0.1") as server:
        config = tmp_path / "tocsin.yaml"
        config.write_text(
            "version: 1\nreview:\n  trackers:\n    work:\n      kind: github\n"
            f"      url: {server.make_url('/repos/acme/serving')}\n      token: ${{TRACKER_TOKEN}}\n",
        )
        command = ("items", "export", file, "--config", config, "--to")
        first, again, other = [await asyncio.to_thread(run, *command, name) for name in ("work", "work", "desk")]
    assert [one.stdout.split()[1:] for one in (first, again)] == [
        ["made", "https://github.example/acme/serving/issues/1"],
        ["known", "https://github.example/acme/serving/issues/1"],
    ], first.output
    assert (other.exit_code, "no 'desk', expected one of work" in other.stderr) == (2, True)
    assert [one["title"] for one in trackers.rows["github"]] == ["Pin it"]


@pytest.mark.parametrize(
    ("tracker", "fields"),
    [
        ("github", {"title", "body", "labels"}), ("gitlab", {"title", "description", "labels", "due_date"}),
        ("jira", {"fields"}), ("servicenow", {"short_description", "description", "correlation_id", "due_date"}),
    ],
)
def test_an_item_has_the_fields_of_each_tracker(tracker: TrackerKind, fields: set[str]) -> None:
    (item,), _ = items_of("inc-1", "- [ ] Pin it @here (owner: ben, due: 2026-12-01)")
    body = body_of(task_of(item), tracker, "OPS")
    assert body.keys() == fields
    assert item.id in orjson.dumps(body).decode()
    assert "@" not in orjson.dumps(body).decode()
