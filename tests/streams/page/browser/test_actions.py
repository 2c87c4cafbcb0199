"""What people do on the page: each dialog says what will happen, and each confirmation is one signed record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from actions.model import ApprovalTerms
from classifiers.directives import OfPerson
from streams.contracts.envelopes import Message, read_audit
from streams.contracts.people.records import verify_by_hand
from tests.actions.approvals.cases import SOURCE, suggested
from tests.streams.page.browser.browsing import opened
from tests.streams.page.browser.deeds import DEEDS, Deed, tell_all
from tests.streams.page.served import RING, ROLES, ServedPage
from tests.streams.records import FakeRecord
from tests.streams.worker.fixtures import TOPICS

pytestmark = pytest.mark.asyncio(loop_scope="module")
OF_EACH = pytest.mark.parametrize("deed", DEEDS, ids=Deed.__str__)


@dataclass
class Staff:
    """One page of the role respond, with everybody at a browser of their own."""

    served: ServedPage
    pages: dict[str, Page]

    def records(self) -> list[tuple[str, Message]]:
        """What was written since the last call."""
        found = list(self.served.log.records)
        for log in (self.served.log.records, self.served.log.written, self.served.log.refusals):
            log.clear()
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def staff(chromium: Browser) -> AsyncIterator[Staff]:
    async with ServedPage().running() as served:
        tell_all(served)
        pages = {who: await opened(chromium, served, who=who) for who in ROLES}
        yield Staff(served, pages)
        for page in pages.values():
            await page.context.close()


def read_back(topic: str, message: Message) -> OfPerson:
    """The directive of a record of the control topic, as a worker reads it: only if its signature counts."""
    assert topic == TOPICS.control
    record = FakeRecord(message.value, topic=topic, key=message.key, headers=message.headers)
    return verify_by_hand(record, topic, SOURCE, RING, float("inf"))


async def asked(page: Page, deed: Deed, service: str = "chat") -> Locator:
    """The dialog of a deed, once it says what will happen and to what."""
    await (await deed.shown_to(page, service)).click()
    dialog = page.get_by_role("dialog", name=deed.button)
    await expect(dialog).to_contain_text(deed.says)
    await expect(dialog).to_contain_text(deed.about(service))
    return dialog


async def fill(dialog: Locator, deed: Deed) -> None:
    for name, text in deed.given.items():
        field = dialog.locator(f"[name={name}]")
        await (field.select_option(text) if name == "role" else field.fill(text))


def confirm(dialog: Locator, deed: Deed) -> Locator:
    return dialog.get_by_role("button", name=deed.button, exact=True)


@OF_EACH
async def test_what_a_person_confirms_is_one_signed_record(staff: Staff, deed: Deed) -> None:
    page = staff.pages[deed.who]
    dialog = await asked(page, deed)
    await fill(dialog, deed)
    await confirm(dialog, deed).click()
    await expect(page.locator("#toast")).to_contain_text(f"Written: {deed.done}.")
    await expect(dialog).to_be_hidden()
    assert [read_back(*one) for one in staff.records()] == [deed.written]


@pytest.mark.parametrize("deed", [one for one in DEEDS if one.is_asked or one.reason], ids=Deed.__str__)
async def test_without_its_reason_nothing_is_sent(staff: Staff, deed: Deed) -> None:
    """Wherever the command line wants one, and for a silence, which is about all that will happen."""
    page = staff.pages[deed.who]
    dialog = await asked(page, deed)
    await fill(dialog, deed)
    reason = dialog.locator(f"[name={deed.reason}]")
    await reason.fill("")
    await confirm(dialog, deed).click()
    await expect(dialog.locator(":invalid[name]")).to_have_attribute("name", deed.reason or "")
    await expect(reason).to_be_focused()
    await reason.fill("  ")
    await confirm(dialog, deed).click()
    await expect(dialog.get_by_role("alert")).to_contain_text("comment ''")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_be_hidden()
    assert staff.records() == []


@OF_EACH
async def test_the_server_refuses_who_has_not_the_role_for_the_service_and_the_page_says_so(
    staff: Staff, deed: Deed,
) -> None:
    """The storm brake is of no service: there the button of who has not the role is made to work."""
    who = "rob" if deed.where == "storm" else deed.who
    page = staff.pages[who]
    if deed.where == "storm":
        await (await deed.shown_to(page)).evaluate("one => { one.disabled = false; }")
    dialog = await asked(page, deed, "vault")
    await fill(dialog, deed)
    await confirm(dialog, deed).click()
    decides = deed.verb in ("approve", "reject")
    of = "" if deed.where == "storm" else " for vault"
    refusal = f"{who} may not {'decide this request' if decides else deed.verb + of}, expected the role "
    await expect(dialog.get_by_role("alert")).to_contain_text(refusal)
    await expect(confirm(dialog, deed)).to_be_enabled()
    await dialog.get_by_role("button", name="Cancel").click()
    ((topic, message),) = staff.records()
    entry = read_audit(message.value)
    assert (topic, entry.event, entry.actor) == (TOPICS.audit, "refused", who)
    assert entry.subject.startswith("http POST /api/v1/")
    assert refusal in entry.reason


async def test_who_has_not_the_role_is_told_so_before_anything_is_asked(staff: Staff) -> None:
    """Only a commander sees how to withdraw, and how to break the glass."""
    page = staff.pages["vera"]
    for deed in DEEDS:
        button = await deed.shown_to(page)
        if deed.who == "carl":
            await expect(button).to_have_count(0)
        else:
            await expect(button).to_be_disabled()
            await expect(button).to_have_attribute("title", f"vera may not {deed.verb.replace('_', ' ')}")


async def test_whose_role_the_terms_ask_for_may_decide_and_nobody_else(staff: Staff) -> None:
    """As on the command line: a commander, where the request wants one."""
    terms = ApprovalTerms(roles=("commander",))
    staff.served.ask(suggested("grave", target="chat/v9", service="chat", approval=terms))
    for who, may in (("carl", True), ("ann", False)):
        page = staff.pages[who]
        await page.evaluate("location.hash = '#/'")
        item = page.locator("[data-key=grave]")
        for name in ("Approve", "Reject"):
            await expect(item.get_by_role("button", name=name)).to_be_enabled(enabled=may)
