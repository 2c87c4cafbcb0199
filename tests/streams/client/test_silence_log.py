from __future__ import annotations

from classifiers.directives import Expire, Matcher, Silence
from streams.contracts.people.silences import silences_of

ONE = Silence("s1", (Matcher("service", "=", "chat"),), 100.0, 200.0, "ana", "moving")
OTHER = Silence("s2", (Matcher("service", "=", "mail"),), 50.0, 300.0, "ben", "")


def test_a_silence_is_pending_active_and_ended_by_its_times() -> None:
    (found,) = silences_of([ONE])
    assert [found.state(at_s) for at_s in (99.0, 100.0, 199.0, 200.0)] == ["pending", "active", "active", "ended"]


def test_what_ends_a_silence_before_its_time_counts_for_it_alone() -> None:
    other, one = silences_of([ONE, Expire("s1", "ana", 150.0), OTHER])
    assert (other.silence, other.expired_s, one.silence, one.expired_s) == (OTHER, None, ONE, 150.0)
    assert [one.state(at_s) for at_s in (120.0, 150.0)] == ["active", "ended"]
    assert other.state(150.0) == "active"


def test_a_silence_that_was_ended_before_it_began_never_takes_effect() -> None:
    (found,) = silences_of([ONE, Expire("s1", "ana", 20.0)])
    assert found.state(120.0) == "ended"


def test_of_two_records_with_one_id_the_first_counts() -> None:
    again = Silence("s1", ONE.matchers, 100.0, 900.0, "eve", "longer")
    assert [one.silence for one in silences_of([ONE, again])] == [ONE]
