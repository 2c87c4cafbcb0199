"""A topic of which nothing is watched is noticed, and no other one."""

from __future__ import annotations

from collections import Counter

import pytest

from streams.intake.point_names import PointNames
from streams.telemetry.unwatched import AT_FIRST_S, LATER_S, NOTICE_EVERY_S, UnwatchedTopics

TOPIC = "metrics"


def names(watched: int = 0, left_out: int = 0, **unknown: int) -> PointNames:
    return PointNames(watched, left_out, sum(unknown.values()), names=Counter(unknown))


def test_a_topic_of_unknown_names_alone_is_warned_of_once_in_a_while_and_stays_a_complaint() -> None:
    topics = UnwatchedTopics()
    assert topics.observe(TOPIC, 0, names(acme_load=3, acme_wait=5), 0.0) is None
    assert topics.observe(TOPIC, 1, names(acme_load=4), AT_FIRST_S - 1.0) is None
    assert topics.complaints(AT_FIRST_S - 1.0) == ()
    notice = topics.observe(TOPIC, 0, names(left_out=2), AT_FIRST_S)
    assert notice is not None
    assert (notice.severity, notice.topic) == ("warning", TOPIC)
    assert notice.reason.startswith(
        "14 points, none of them watched; 12 have names that no alias knows, most of them 'acme_load' (7), "
        "'acme_wait' (5); 2 are left out on purpose; with `unknown_metrics: pass`",
    )
    assert topics.observe(TOPIC, 0, names(acme_load=1), AT_FIRST_S + NOTICE_EVERY_S - 1.0) is None
    assert topics.observe(TOPIC, 0, names(acme_load=1), AT_FIRST_S + NOTICE_EVERY_S) is not None
    assert topics.unwatched(1e9) == {TOPIC: True}
    (complaint,) = topics.complaints(1e9)
    assert complaint.startswith("metrics: 16 points, none of them watched")


def test_points_that_are_watched_end_it_and_the_next_time_takes_longer() -> None:
    topics = UnwatchedTopics()
    topics.observe(TOPIC, 0, names(acme_load=1), 0.0)
    assert topics.observe(TOPIC, 0, names(acme_load=1), AT_FIRST_S) is not None
    topics.observe(TOPIC, 1, names(watched=1), AT_FIRST_S + 1.0)
    assert topics.complaints(AT_FIRST_S + 1.0) == ()
    topics.observe(TOPIC, 0, names(renamed=9), 100.0)
    assert topics.observe(TOPIC, 0, names(renamed=9), 100.0 + LATER_S - 1.0) is None
    notice = topics.observe(TOPIC, 0, names(renamed=9), 100.0 + LATER_S)
    assert notice is not None
    assert "'renamed' (27)" in notice.reason
    assert "acme_load" not in notice.reason


def test_a_topic_most_of_whose_points_are_unknown_is_told_for_debugging_alone() -> None:
    topics = UnwatchedTopics()
    notice = topics.observe(TOPIC, 0, names(watched=2, acme_load=3), 0.0)
    assert notice is not None
    assert (notice.severity, notice.reason) == (
        "debug", "2 of 5 points are watched; 3 have names that no alias knows, most of them 'acme_load' (3)",
    )
    assert topics.observe(TOPIC, 0, names(watched=2, acme_load=3), 10.0) is None
    assert topics.observe("other", 0, names(watched=3, acme_load=2), 0.0) is None
    assert topics.complaints(1e9) == ()


def test_a_topic_of_which_no_partition_is_left_is_forgotten() -> None:
    topics = UnwatchedTopics()
    for partition in (0, 1):
        topics.observe(TOPIC, partition, names(acme_load=1), 0.0)
    assert topics.revoke([(TOPIC, 0), ("other", 0)]) == []
    assert topics.complaints(1e9) != ()
    assert topics.revoke([(TOPIC, 1)]) == [TOPIC]
    assert topics.complaints(1e9) == ()
    assert topics.unwatched(1e9) == {}


@pytest.mark.parametrize("others", [300, 5000])
def test_the_memory_for_names_is_bounded_and_the_commonest_are_kept(others: int) -> None:
    counted = PointNames()
    for number in range(others):
        counted.drop(f"rare_{number}" + "x" * 1000, 1)
        counted.drop("common", 1)
    assert counted.unknown == 2 * others
    assert counted.names["common"] == others
    assert len(counted.names) <= 512
    assert max(map(len, counted.names)) == 128
    assert "'common'" in counted.summary()


def test_points_of_another_kind_than_their_name_stands_for_are_not_watched() -> None:
    topics = UnwatchedTopics()
    for at_s in (0.0, AT_FIRST_S):
        topics.observe(TOPIC, 0, PointNames(wrong_kind=3), at_s)
    (complaint,) = topics.complaints(AT_FIRST_S)
    assert complaint == (
        "metrics: 6 points, none of them watched; 6 are of another kind than their name stands for"
    )


def test_a_name_cannot_write_to_the_terminal() -> None:
    counted = PointNames()
    counted.drop("\x1b[31mred\n", 1)
    assert "\x1b" not in counted.summary()
    assert "\n" not in counted.summary()
