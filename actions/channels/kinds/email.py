"""E-mail by SMTP. The `Message-ID` follows from the id of the notification, so a repeat is the same mail to a reader
that drops duplicates; replies to the first mail of an incident name it in `In-Reply-To` (RFC 5322).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from html import escape
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import aiosmtplib

from actions.base import Secret
from actions.channels.http import host_of
from actions.channels.inert import one_line, plain
from actions.channels.message import ChannelRefused, Delivery, Message
from actions.channels.params import LOCAL
from actions.validation import check_number

if TYPE_CHECKING:
    import aiohttp

MAX_SUBJECT = 200
PORTS = {"smtps": 465, "smtp": 587}


@dataclass(frozen=True, slots=True)
class EmailParams:
    """smtp: `smtps://host[:port]` (TLS) or `smtp://host[:port]` (STARTTLS; plain only to this machine). to: addresses
    where a message names nobody. user, password: both or none. Raises `ValueError`.
    """

    smtp: str
    from_address: str
    to: tuple[str, ...] = ()
    kind: Literal["email"] = "email"
    user: str | None = None
    password: Secret | None = None
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.smtp)
        if parts.scheme not in PORTS or not parts.hostname or parts.username is not None or parts.path not in ("", "/"):
            raise ValueError(f"EmailParams.smtp: {self.smtp!r}, expected smtps://host or smtp://host")
        for address in (self.from_address, *self.to):
            if address.count("@") != 1 or any(each.isspace() or each in "<>,;" for each in address):
                raise ValueError(f"EmailParams.to: {address!r}, expected an address such as ops@example.com")
        if (self.user is None) != (self.password is None):
            raise ValueError("EmailParams.user: without its counterpart, expected user and password, or neither")
        check_number(self, "timeout_s", 0.1, 60.0)

    @property
    def host(self) -> str:
        """See `ChannelParams`."""
        return host_of(self.smtp)

    def build(self, session: aiohttp.ClientSession) -> Email:  # noqa: ARG002  mail needs no HTTP
        """See `ChannelParams`."""
        return Email(self)


class Email:
    """See the module."""

    def __init__(self, params: EmailParams) -> None:
        self._params = params

    async def send(self, message: Message) -> Delivery:
        """Hand the mail to the server. Raises `ChannelRefused`: answers from 500 on are final."""
        params, parts = self._params, urlsplit(self._params.smtp)
        host = parts.hostname or ""
        is_tls = parts.scheme == "smtps"
        mail = self._mail(message)
        try:
            refused, _ = await aiosmtplib.send(
                mail, hostname=host, port=parts.port or PORTS[parts.scheme], use_tls=is_tls,
                start_tls=False if is_tls else (None if host in LOCAL else True), timeout=params.timeout_s,
                username=params.user, password=None if params.password is None else params.password.reveal(),
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = sorted({each.code for each in error.recipients})
            final = all(code >= 500 for code in codes)
            raise ChannelRefused(f"{host} refused all recipients ({codes})", final=final) from error
        except aiosmtplib.SMTPResponseException as error:
            raise ChannelRefused(f"{host} answered {error.code}", final=error.code >= 500) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise ChannelRefused(f"{host}: {type(error).__name__}", final=False) from error
        told = "" if not refused else f", which refused {len(refused)} of the recipients"
        return Delivery(str(mail["Message-ID"]), f"accepted by {host}{told}")

    async def close(self) -> None:
        """Nothing is held open."""

    def _mail(self, message: Message) -> EmailMessage:
        params = self._params
        recipients = params.to if message.recipient is None else (message.recipient,)
        if not recipients:
            raise ChannelRefused("nobody to send it to, expected a recipient or the setting `to`", final=True)
        mail = EmailMessage(policy=SMTP)
        mail["Subject"] = one_line(message.title, MAX_SUBJECT)
        mail["From"] = params.from_address
        try:
            mail["To"] = ", ".join(recipients)
        except ValueError as error:
            raise ChannelRefused("the recipient is no address", final=True) from error
        mail["Date"] = formatdate()
        mail["Message-ID"] = message_id(message.id, params.from_address)
        mail["Auto-Submitted"] = "auto-generated"
        if message.reference is not None:
            mail["In-Reply-To"] = mail["References"] = message.reference
        text = plain(message.text) + ("" if message.link is None else f"\n\n{message.link}")
        mail.set_content(text)
        shown = message.html if message.html is not None else f"<pre>{escape(text)}</pre>"
        mail.add_alternative(f"<!doctype html><html><body>{shown}</body></html>", subtype="html")
        return mail


def message_id(name: str, from_address: str) -> str:
    """The Message-ID of a notification, in the domain of the sender.

    >>> message_id("n1", "t@x.com") == message_id("n1", "t@x.com")
    True
    """
    return f"<{hashlib.sha256(name.encode()).hexdigest()[:40]}@{from_address.rpartition('@')[2]}>"
