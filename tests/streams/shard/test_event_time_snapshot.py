"""What another owner goes on with of what was learned of the sources."""

from __future__ import annotations

import pytest

from streams.shard.event_time import HALF_LIFE_S
from tests.streams.shard.event_time_owner import ALL, Owner, T, stored


def test_another_owner_goes_on_with_what_was_learned_by_a_clock_of_its_own() -> None:
    first = Owner(sources={"a": False, "b": True})
    first.flush_every(6.0, 60.0)
    second = Owner(sources={"a": False, "b": True}, steady_s=1e6)
    second.time.restore(stored(first), second.steady_s)
    assert (second.cadence("a"), second.cadence("b")) == (first.cadence("a"), first.cadence("b"))
    second.steady_s += HALF_LIFE_S
    assert second.cadence("a").delay_s > 0.9 * first.cadence("a").delay_s


def test_of_a_snapshot_that_was_refused_only_the_cadence_is_taken() -> None:
    first = Owner()
    first.flush_every(6.0, 60.0)
    second = Owner(steady_s=1e6)
    second.time.restore_cadence(stored(first))
    assert second.cadence() == first.cadence()
    assert second.until_s() is None


def test_a_snapshot_of_an_older_release_says_of_a_known_source_no_time_of_observation() -> None:
    data = {"a": {"highest_s": T, "delay_s": 4.0, "disorder_s": 0.0}}
    owner = Owner()
    owner.time.restore(data, 0.0)
    assert owner.cadence().delay_s == pytest.approx(1.25 * 4.0 + 0.75)


def test_what_was_learned_does_not_fade_by_take_overs_alone() -> None:
    owner = Owner()
    owner.flush_every(6.0, 60.0)
    expected = owner.cadence()
    for _ in range(20):
        following = Owner(steady_s=owner.steady_s + 9.0)
        following.time.restore(stored(owner), following.steady_s)
        following.steady_s += 9.0
        owner = following
    assert owner.cadence().delay_s >= 0.9 * expected.delay_s


def test_sources_that_are_gone_are_ignored_and_new_ones_start_anew() -> None:
    first = Owner(sources={"a": False, "gone": False})
    first.arrive(0.0, 9.0)
    second = Owner(sources={"a": False, "new": False})
    second.time.restore(stored(first), 0.0)
    assert second.until_s(at_end=ALL, judge_silence=False) is None
    assert second.until_s(at_end=frozenset({"new"}), judge_silence=False) == pytest.approx(8.5)


@pytest.mark.parametrize("data", [{"a": {}}, {"a": None}, {"a": {"highest_s": 1.0, "delay_s": 1, "disorder_s": None}}])
def test_what_is_no_snapshot_is_refused(data: dict[str, object]) -> None:
    with pytest.raises((LookupError, TypeError)):
        Owner().time.restore(data, 0.0)
