"""What a worker knows of the broker by the answers that its clients got."""

from __future__ import annotations

from math import inf

from streams.kafka.broker_contact import GAP_FROM_S, GAPS_KEPT, BrokerContact, Gap


def heard(*sent_s: float) -> BrokerContact:
    contact = BrokerContact()
    for each in sent_s:
        contact.heard(each)
    return contact


def test_nothing_is_known_before_the_first_answer_and_that_is_no_gap() -> None:
    assert (heard().since_s, heard().gaps) == (inf, ())
    assert (heard(1000.0).since_s, heard(1000.0).gaps) == (1000.0, ())


def test_time_without_an_answer_is_a_gap_once_it_is_long_enough() -> None:
    assert heard(100.0, 100.0 + GAP_FROM_S - 0.1).gaps == ()
    assert heard(100.0, 101.0, 109.0, 110.0).gaps == (Gap(101.0, 109.0),)


def test_an_answer_to_an_older_request_of_another_client_changes_nothing() -> None:
    contact = heard(100.0, 101.0, 95.0, 102.0)
    assert (contact.since_s, contact.gaps) == (100.0, ())


def test_the_last_gaps_are_kept_in_order() -> None:
    times_s = [100.0 + 5.0 * number for number in range(GAPS_KEPT + 3)]
    found = heard(*times_s).gaps
    assert len(found) == GAPS_KEPT
    assert [gap.ended_s for gap in found] == times_s[-GAPS_KEPT:]
