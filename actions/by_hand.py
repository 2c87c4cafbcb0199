"""What the executor does at the request of a person, outside any playbook."""

from __future__ import annotations

from typing import Protocol

from classifiers.by_hand import ForTargets


class ByHand(Protocol):
    """Undoes and keeps remedies, sets breakers, and releases the storm brake."""

    async def apply(self, directive: ForTargets) -> str:
        """Do what a person asks for; returns what was done, or why nothing was, in a sentence.

        The signature and the role were checked before. It is called for the directives of the last hour at each start,
        and again after a change of owners, so an implementation applies an id once, and nothing to a remedy that is
        younger than the directive.
        """


class NothingByHand:
    """Where nothing is held in force."""

    async def apply(self, directive: ForTargets) -> str:
        """Does nothing."""
        return f"nothing in force at {directive.subject}"
