"""By which channels a person is reached, and under which address. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Contacts:
    """channels: all that are configured, in order. paging: those that wake whoever their vendor has on duty.
    addressed: those that write to an address of a person. addresses: by person and channel.
    """

    channels: tuple[str, ...] = ()
    paging: tuple[str, ...] = ()
    addressed: frozenset[str] = frozenset()
    addresses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def channels_for(self, person: str | None, via: str | None) -> tuple[str, ...]:
        """The channels of a page: the one that the step names, else those at which the person has an address, else
        those that page, else all. person: None for nobody in particular.
        """
        if via in self.channels:
            return (via,)
        own = () if person is None else tuple(self.addresses.get(person, ()))
        return own or self.paging or self.channels

    def address(self, person: str | None, channel: str) -> str | None:
        """The address of a person at a channel; the name at one that needs no address. None for whom the channel is
        configured with.
        """
        own = None if person is None else self.addresses.get(person, {}).get(channel)
        return person if own is None and channel not in self.addressed else own

    def moved(self, address: str | None, channel: str, other: str) -> str | None:
        """The address at another channel of the person who has this one; None where there is none."""
        if address is None:
            return None
        return next((
            self.address(person, other) for person in self.addresses if self.address(person, channel) == address
        ), None)
