"""What was done to an audit is named with its place, and an audit that nobody touched has no finding."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from actions.trust.keys import KeyRing, Signer
from streams.audit.chain import Checkpoint, PartitionChain
from streams.audit.export import KeptAudit, KeptRecord
from streams.audit.judgement import Anchor, Judgement, judge
from streams.trust.authenticity import Authenticity
from tests.streams.audit.kept import GONE_BEFORE_MS, RING, TOPIC, checkpoints, kept, record, signed

OFFSETS = (0, 1, 2, 5, 6, 9, 10, 11, 12, 13, 20, 21)
"""With the holes that aborted transactions and markers leave."""
RECORDS = [record(offset) for offset in OFFSETS]
CHECKPOINTS = checkpoints(RECORDS, (4, 7, 10))


def judged(audit: KeptAudit, *anchors: Anchor, ring: KeyRing = RING) -> Judgement:
    return judge(audit, ring, TOPIC, GONE_BEFORE_MS, anchors)


def first(audit: KeptAudit) -> tuple[int, str]:
    found = judged(audit).first
    assert found is not None
    return found.offset, found.fault


def test_an_audit_that_nobody_touched_has_no_finding_also_with_holes_of_aborted_transactions() -> None:
    result = judged(kept(RECORDS, CHECKPOINTS))
    assert (result.findings, result.records, result.covered, result.uncovered, result.signed) == ((), 12, 10, 2, True)
    assert [(head.partition, head.offset) for head in result.heads] == [(0, 13)]


@pytest.mark.parametrize("change", [
    {"value": b"something else"}, {"timestamp": 1}, {"key": b"inc-2"}, {"headers": (("h", b"2"),)}, {"headers": ()},
])
def test_a_record_of_which_anything_was_edited_is_named(change: dict[str, object]) -> None:
    edited = [replace(one, **change) if one.offset == 6 else one for one in RECORDS]  # type: ignore[arg-type]
    assert first(kept(edited, CHECKPOINTS)) == (6, "edited")


@pytest.mark.parametrize("offset", OFFSETS[:10])
def test_a_record_that_was_dropped_is_named(offset: int) -> None:
    rest = [one for one in RECORDS if one.offset != offset]
    assert first(kept(rest, CHECKPOINTS)) == (offset, "dropped")


def test_a_record_that_was_put_into_a_hole_is_named() -> None:
    more = sorted([*RECORDS, record(7, "never happened")], key=lambda one: one.offset)
    assert first(kept(more, CHECKPOINTS)) == (7, "added")


def test_records_that_changed_places_are_named_as_moved() -> None:
    content = {one.offset: one for one in RECORDS}
    swapped = [
        replace(content[{5: 9, 9: 5}.get(one.offset, one.offset)], offset=one.offset) for one in RECORDS
    ]
    assert [(one.offset, one.fault) for one in judged(kept(swapped, CHECKPOINTS)).findings] == [
        (5, "moved"), (9, "moved"),
    ]


def test_lines_of_an_export_in_another_order_are_named_as_moved() -> None:
    reordered = [*RECORDS[:3], RECORDS[4], RECORDS[3], *RECORDS[5:]]
    assert first(kept(reordered, CHECKPOINTS)) == (5, "moved")


def test_a_whole_interval_that_was_dropped_with_its_checkpoint_is_named() -> None:
    rest = [one for one in RECORDS if not 5 < one.offset <= 10]
    assert first(kept(rest, [CHECKPOINTS[0], CHECKPOINTS[2]])) == (10, "checkpoint")


def test_a_checkpoint_that_is_missing_while_its_records_are_kept_is_named() -> None:
    assert first(kept(RECORDS, CHECKPOINTS[1:])) == (5, "checkpoint")


def test_a_checkpoint_with_another_list_of_records_does_not_follow_from_those_before_it() -> None:
    forged = replace(CHECKPOINTS[1], records=CHECKPOINTS[1].records[:1] + CHECKPOINTS[1].records[2:])
    rest = [one for one in RECORDS if one.offset != 9]
    assert first(kept(rest, [CHECKPOINTS[0], forged, CHECKPOINTS[2]])) == (10, "checkpoint")


def test_a_checkpoint_that_no_key_of_respond_signed_does_not_count() -> None:
    stranger = Authenticity(RING, "/tocsin/test", Signer("r1", Ed25519PrivateKey.generate()))
    audit = kept(RECORDS, CHECKPOINTS[:2])
    audit.checkpoints.append(signed(CHECKPOINTS[2], stranger))
    (found,) = judged(audit).findings
    assert (found.offset, found.fault, "does not fit" in found.detail) == (13, "checkpoint", True)


def test_without_keys_the_signatures_are_not_checked_and_that_is_said() -> None:
    result = judged(kept(RECORDS, CHECKPOINTS), ring=KeyRing())
    assert (result.findings, result.signed) == ((), False)


def old(records: list[KeptRecord]) -> list[KeptRecord]:
    """The same, two days old."""
    return [record(one.offset, age_s=2 * 86_400.0) for one in records]


def test_what_retention_deleted_at_the_begin_is_no_finding() -> None:
    aged = old(RECORDS[:7]) + RECORDS[7:]
    made = checkpoints(aged, (4, 7, 10))
    assert judged(kept(aged[5:], made)).findings == ()
    assert judged(kept(aged[7:], made[1:])).findings == ()


def test_what_is_missing_at_the_begin_and_younger_than_the_retention_is_a_finding() -> None:
    assert first(kept(RECORDS[2:], CHECKPOINTS)) == (0, "dropped")


def test_an_end_that_was_cut_off_with_its_checkpoint_shows_by_a_hash_that_was_kept_elsewhere() -> None:
    cut = kept(RECORDS[:7], CHECKPOINTS[:2])
    assert judged(cut).findings == ()
    anchor = Anchor(0, 13, CHECKPOINTS[2].hash)
    assert judged(kept(RECORDS, CHECKPOINTS), anchor).findings == ()
    assert [one.offset for one in judged(cut, anchor).findings] == [13]


def test_a_writer_that_begins_again_comes_to_the_same_hash() -> None:
    last = CHECKPOINTS[0]
    again = PartitionChain(0, last.offset, last.hash)
    for one in RECORDS[2:10]:  # two of them are covered already
        again.add(one)
    made = again.checkpoint(0.0)
    assert made is not None
    assert (made.hash, made.previous) == (CHECKPOINTS[2].hash, last.offset)


@given(st.sets(st.integers(1, 12), min_size=1), st.sets(st.integers(1, 12), min_size=1))
def test_checkpoints_of_two_writers_agree_however_they_cut(one: set[int], other: set[int]) -> None:
    both: list[Checkpoint] = [*checkpoints(RECORDS, one), *checkpoints(RECORDS, other)]
    result = judged(kept(RECORDS, both))
    assert (result.findings, result.uncovered) == ((), 12 - max(one | other))


@given(st.sets(st.integers(1, 12), min_size=1), st.integers(0, 11))
def test_no_record_that_is_covered_can_be_dropped_unseen(cuts: set[int], at: int) -> None:
    rest = [one for number, one in enumerate(RECORDS) if number != at]
    found = judged(kept(rest, checkpoints(RECORDS, cuts))).findings
    assert bool(found) == (at < max(cuts))
