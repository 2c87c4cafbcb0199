"""Which incidents get the draft of a review by themselves is a setting, and one that cannot be kept is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.reviews.drafts import DraftRule
from config import ConfigError, load
from config.review import MAX_DRAFT_AFTER_S
from streams.respond.topic_reader import INCIDENTS_BACK_S


def rule(folder: Path, review: str) -> DraftRule | None:
    file = folder / "site.yaml"
    file.write_text(f"version: 1\n{review}")
    return load(file, {}).review.rule()


@pytest.mark.parametrize(("review", "expected"), [
    ("", DraftRule("P2", 1800.0)),
    ("review: {draft: {from: P1}}", DraftRule("P1", 1800.0)),
    ("review: {draft: {after: 0s}}", DraftRule("P2", 0.0)),
    ("review: {draft: null}", None),
])
def test_what_is_not_written_is_as_shipped(tmp_path: Path, review: str, expected: DraftRule | None) -> None:
    assert rule(tmp_path, review) == expected


@pytest.mark.parametrize(("review", "parts"), [
    ("review: {draft: {after: 5h}}", ("review.draft.after", "5h")),
    ("review: {draft: {from: P7}}", ("review.draft.from", "P7")),
    ("review: {draft: {since: P1}}", ("review.draft", "'since'", "expected one of after, from")),
])
def test_a_setting_that_cannot_be_kept_is_named(tmp_path: Path, review: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        rule(tmp_path, review)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_a_restart_reads_incidents_from_longer_ago_than_a_draft_may_wait() -> None:
    assert MAX_DRAFT_AFTER_S < INCIDENTS_BACK_S
