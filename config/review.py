"""The section `review` of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from actions.reviews.drafts import DraftRule
from actions.trackers.params import TrackerParams
from classifiers.model import Severity
from config.fields import Duration, FromYaml, Name, Strict, matching

MAX_DRAFT_AFTER_S = 4 * 3600.0
"""Less than the 6 hours of incidents that the role respond reads again at its start, so that a restart forgets none."""


class DraftSection(Strict):
    """Which incidents get the draft of a review without a person.

    from_: the least severity, at its worst. after_s: for how long the incident must have been over.
    """

    from_: Severity
    after_s: Annotated[Duration, Field(ge=0.0, le=MAX_DRAFT_AFTER_S)]


class ReviewSection(Strict):
    """The review of an incident.

    prices: of a million tokens in `currency`, by metric; without one, cost is unknown. draft: None leaves it to people.
    trackers: of work, which action items are handed to.
    """

    currency: Annotated[str, matching(r"[A-Z]{3}", "a currency of three letters, such as EUR")]
    prices: Mapping[str, Annotated[float, Field(ge=0.0)]]
    draft: DraftSection | None
    trackers: Mapping[Name, Annotated[TrackerParams, FromYaml()]]

    def rule(self) -> DraftRule | None:
        """Which incidents get a draft without a person."""
        return None if self.draft is None else DraftRule(self.draft.from_, self.draft.after_s)
