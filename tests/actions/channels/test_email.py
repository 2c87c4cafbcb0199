"""E-mail through a real SMTP server (aiosmtpd)."""

from __future__ import annotations

from collections.abc import Iterator

import aiohttp
import pytest

from actions.channels.kinds.email import EmailParams
from actions.channels.message import ChannelRefused
from tests.actions.channels.cases import HOSTILE, MESSAGE, said, with_label
from tests.actions.channels.fakes.mailbox import Mailbox


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox) -> Iterator[str]:
    with mailbox.served() as address:
        yield address


async def send(server: str, message: object = MESSAGE) -> str | None:
    async with aiohttp.ClientSession() as session:
        channel = EmailParams(server, "tocsin@x.com", ("a@x.com", "b@x.com")).build(session)
        return (await channel.send(message)).reference  # type: ignore[arg-type]


async def test_a_repeat_has_the_same_message_id_and_a_reply_names_the_first_mail(
    mailbox: Mailbox, server: str,
) -> None:
    first = await send(server)
    again = await send(server, said(in_doubt=True))
    await send(server, said(id="n2", event="close", reference=first))
    (told, mail), _, (_, reply) = mailbox.mails
    assert (first, told) == (again, ["a@x.com", "b@x.com"])
    assert (mail["Message-ID"], reply["In-Reply-To"]) == (first, first)
    assert reply["Message-ID"] != first


@pytest.mark.parametrize(("answer", "final"), [("451 try later", False), ("554 no", True)])
async def test_what_the_server_says_decides_whether_it_is_tried_again(
    mailbox: Mailbox, server: str, answer: str, final: bool,
) -> None:
    mailbox.answer = answer
    with pytest.raises(ChannelRefused, match=f"answered {answer[:3]}") as caught:
        await send(server)
    assert caught.value.final is final


async def test_a_server_that_is_not_there_may_come_back() -> None:
    with pytest.raises(ChannelRefused) as caught:
        await send("smtp://127.0.0.1:9")
    assert not caught.value.final


async def test_labels_add_no_header_no_recipient_and_no_markup(mailbox: Mailbox, server: str) -> None:
    for label in HOSTILE:
        await send(server, with_label(label))
    assert len(mailbox.mails) == len(HOSTILE)
    for told, mail in mailbox.mails:
        assert (told, mail["Bcc"], mail["To"]) == (["a@x.com", "b@x.com"], None, "a@x.com, b@x.com")
        page = mail.get_body(("html",))
        assert page is not None
        inside = page.get_content().partition("<pre>")[2].partition("</pre>")[0]
        assert "<" not in inside


@pytest.mark.parametrize(
    ("smtp", "to"), [("https://mail", "a@x.com"), ("smtp://mail", "a@x.com, b@x.com"), ("smtp://u:p@mail", "a@x.com")],
)
def test_a_setting_that_cannot_be_used_is_refused(smtp: str, to: str) -> None:
    with pytest.raises(ValueError, match=r"EmailParams\.\w+: .*expected"):
        EmailParams(smtp, "t@x.com", (to,))
