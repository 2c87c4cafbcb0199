"""Pages of escalations to the channels of the configuration; what no channel is for goes by the action `notify`.

A page is taken once its notifications stand in the log: from then on their owner delivers them. Guarantee on crash: a
page that is not in the log yet is still pending in its escalation, and is written under the same id.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from actions.escalation.record import Notify
from actions.outbox.outbox import Outbox
from actions.outbox.pages import EscalationPages
from streams.respond.notifier import Notifier


class ChannelNotifier:
    """See `Notifier`. outbox: the notifications, in which the pages are found by themselves. other: delivers what goes
    to no channel. wake: called when something is to be told.
    """

    def __init__(
        self, pages: EscalationPages, outbox: Outbox, other: Notifier, wake: Callable[[], None],
    ) -> None:
        self._pages = pages
        self._outbox = outbox
        self._other = other
        self._wake = wake

    def offer(self, notify: Notify) -> None:
        """See `Notifier`."""
        names = self._names(notify)
        if not names:
            self._other.offer(notify)
        elif not self._are_logged(names):
            self._wake()

    def taken(self, pending: Collection[Notify]) -> Collection[str]:
        """See `Notifier`."""
        found = {one.id: self._names(one) for one in pending}
        logged = {name for name, names in found.items() if names and self._are_logged(names)}
        return logged | set(self._other.taken(pending))

    def _names(self, notify: Notify) -> list[str]:
        """The ids of its notifications; none where no channel is for it."""
        return [one.id for one in self._pages.notifications_of(notify, notify.at_s)]

    def _are_logged(self, names: Collection[str]) -> bool:
        return all(name in self._outbox.notifications for name in names)
