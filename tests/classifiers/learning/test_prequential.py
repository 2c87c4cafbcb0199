from __future__ import annotations

import random

import pytest

from classifiers.learning.prequential import Accuracy, LearningParams, PrequentialRecord, Trial, log_evidence

PARAMS = LearningParams(min_incidents=10, window=40)


def played(marks: str, record: PrequentialRecord | None = None) -> PrequentialRecord:
    """`+` the advisor alone was right, `-` the rules alone, `=` both, `0` neither."""
    known = PrequentialRecord(PARAMS) if record is None else record
    truth_of = {"+": "P1", "-": "P2", "=": "P3", "0": "P4"}
    for number, mark in enumerate(marks):
        truth = truth_of[mark]
        advice = truth if mark in "+=" else "P0"
        known.add(Trial(f"i{number}", truth, truth if mark in "-=" else "P0", advice))
    return known


@pytest.mark.parametrize(
    ("marks", "trusted"),
    [
        ("+" * 9, False),  # too few
        ("+" * 10, True),
        ("=" * 30 + "++", False),  # a margin of less than a tenth
        ("++++++====", False),  # six wins may be luck
        ("+++++++===", True),
        ("+-" * 20, False),
        ("++++++++++-----=====", False),  # ten to five may be luck
        ("0" * 40, False),
    ],
)
def test_trust_needs_incidents_a_margin_and_more_than_luck(marks: str, trusted: bool) -> None:
    assert played(marks).trusted is trusted


def test_trust_is_lost_by_a_row_of_losses_and_the_record_begins_anew() -> None:
    record = played("+" * 20 + "-" * 4)
    assert record.trusted
    played("-", record)
    assert (record.trusted, len(record.trials)) == (False, 0)


def test_single_losses_among_wins_do_not_cost_trust() -> None:
    assert played("+" * 20 + "+-=-+==-++" * 10).trusted


def test_an_advisor_that_is_no_longer_better_over_the_window_falls_back() -> None:
    record = played("+" * 12)
    assert record.trusted
    played("=" * 39 , record)
    assert record.trusted
    played("=", record)
    assert not record.trusted


def test_trust_comes_back_only_by_a_new_record() -> None:
    record = played("+" * 20 + "-" * 5 + "+" * 9)
    assert not record.trusted
    played("+", record)
    assert record.trusted


def test_an_advisor_as_good_as_the_rules_is_hardly_ever_trusted_however_often_one_looks() -> None:
    #        200 records of 300 incidents, a coin on each; without the margin, so that the evidence alone decides
    params = LearningParams(min_incidents=1, margin=1e-9, window=300)
    ever = 0
    for seed in range(200):
        dice, record = random.Random(seed), PrequentialRecord(params)
        for number in range(300):
            right = dice.random() < 0.5
            record.add(Trial(f"i{number}", "P1", "P2" if right else "P1", "P1" if right else "P2"))
            if record.trusted:
                ever += 1
                break
    assert ever / 200 <= params.risk


def test_evidence_of_a_draw_speaks_against_and_a_long_row_of_losses_is_no_error() -> None:
    assert log_evidence(50, 50) < 0.0
    assert log_evidence(0, 5000) < -100.0


def test_the_record_is_kept_by_what_the_incidents_were() -> None:
    record = played("++-=0")
    assert record.overall == Accuracy(5, 3, 2)
    assert record.by_class() == {"P1": Accuracy(2, 2, 0), "P2": Accuracy(1, 0, 1), "P3": Accuracy(1, 1, 1),
                                 "P4": Accuracy(1, 0, 0)}
    assert (record.net_wins("P0"), record.net_wins("P2"), record.net_wins("P4")) == (2, -1, 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [("min_incidents", 0), ("margin", 1.0), ("margin", 0.0), ("risk", float("nan")), ("window", 29),
     ("fallback_losses", 0)],
)
def test_settings_that_cannot_work_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field} is {value}"):
        LearningParams(**{field: value})  # type: ignore[arg-type]
