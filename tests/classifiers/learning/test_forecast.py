from __future__ import annotations

import json
import random
from dataclasses import replace
from math import inf

import pytest

from classifiers.learning.forecast import CONFIDENCE, MAX_ENDED, MIN_INCIDENTS, ResolutionTimes, interval
from classifiers.model import Factor, Forecast, Incident, StageTime
from tests.classifiers.sample_incidents import ENDED, INVALID, NOT_APPLICABLE, OPEN


def lasted(seconds: float, recovered: bool = True, **changes: object) -> Incident:
    recover = StageTime(seconds - 5.0, "recorded") if recovered else NOT_APPLICABLE
    times = {"recover": recover, "resolve": StageTime(seconds, "recorded")}
    return replace(ENDED, stage_times=times, **changes)  # type: ignore[arg-type]


def known(*incidents: Incident) -> ResolutionTimes:
    times = ResolutionTimes()
    for incident in incidents:
        times.record(incident)
    return times


def asked(times: ResolutionTimes, age_s: float = 0.0, incident: Incident = OPEN) -> tuple[Forecast | None, Factor]:
    published = times.with_forecast(incident, incident.onset_at_s + age_s)
    return published.expected_resolve, published.factors[-1]


NINE = [lasted(10.0 * number) for number in range(1, 10)]


def test_with_nine_incidents_like_it_the_interval_is_theirs() -> None:
    forecast, factor = asked(known(*NINE))
    assert forecast == Forecast(10.0, 50.0, 90.0, 0.8, 9)
    assert (factor.name, factor.value, factor.weight) == ("time_to_resolve", 50.0, 0.0)
    assert factor.text == "80% of category, severity and service took 10 to 90 s, of 9 incidents"


def test_with_fewer_it_says_that_it_cannot_say_and_why() -> None:
    forecast, factor = asked(known(*NINE[:8]))
    assert forecast is None
    assert factor.value is None
    assert factor.text == "unknown: 8 incidents of the same category ended, at least 9 are needed"


def test_a_wider_likeness_is_used_where_the_close_one_has_too_few() -> None:
    others = [lasted(100.0 + number, service="search") for number in range(9)]
    forecast, factor = asked(known(*NINE[:3], *others))
    assert forecast is not None
    assert forecast.count == 12
    assert "category and severity" in factor.text
    assert asked(known(*(replace(one, category="security") for one in NINE)))[0] is None


def test_only_what_lasted_as_long_as_this_one_has_counts() -> None:
    more = [lasted(1000.0 + number) for number in range(9)]
    forecast, _ = asked(known(*NINE, *more), age_s=95.0)
    assert forecast == Forecast(1000.0, 1004.0, 1008.0, 0.8, 9)
    assert asked(known(*NINE), age_s=15.0)[1].text.endswith("8 incidents of the same category lasted as long, "
                                                            "at least 9 are needed")


def test_what_ended_without_recovery_lasted_longer_than_anybody_waited() -> None:
    once = known(*NINE, lasted(60.0, recovered=False))
    assert asked(once) == (None, Factor("time_to_resolve", None, 0.0, (
        "unknown: too many of the same category ended without recovery"
    )))
    many = known(*NINE, *NINE, *NINE, lasted(60.0, recovered=False))
    forecast, _ = asked(many)
    assert forecast is not None
    assert (forecast.count, forecast.high_s) == (28, 90.0)


def test_an_incident_without_a_valid_time_says_nothing() -> None:
    contradiction = replace(lasted(1.0), stage_times={"recover": INVALID, "resolve": INVALID})
    assert known(*NINE, contradiction).dump() == known(*NINE).dump()


def test_the_least_number_is_the_one_from_which_there_is_an_interval() -> None:
    assert interval([1.0] * (MIN_INCIDENTS - 1)) is None
    found = interval([1.0] * MIN_INCIDENTS)
    assert found is not None
    assert found.confidence >= CONFIDENCE - 1e-9


@pytest.mark.parametrize("count", [MIN_INCIDENTS, 19, 20, 57, 200])
def test_the_interval_holds_the_next_one_as_often_as_it_says(count: int) -> None:
    dice, held = random.Random(count), 0
    for _ in range(2000):
        past = sorted(dice.lognormvariate(4.0, 1.5) for _ in range(count))
        found = interval(past)
        assert found is not None
        held += found.low_s <= dice.lognormvariate(4.0, 1.5) <= found.high_s
        stated = found.confidence
    assert CONFIDENCE - 1e-9 <= stated < CONFIDENCE + 0.1
    assert held / 2000 == pytest.approx(stated, abs=0.03)


def test_an_interval_that_would_need_a_censored_end_is_none() -> None:
    assert interval([*range(1, 9), inf]) is None


def test_memory_is_bounded_and_survives_a_restart() -> None:
    times = known(*(lasted(float(number)) for number in range(MAX_ENDED + 10)))
    other = ResolutionTimes()
    other.load(json.loads(json.dumps(times.dump())))
    assert len(times.dump()) == MAX_ENDED
    assert asked(other) == asked(times)


def test_a_damaged_snapshot_is_refused_by_place() -> None:
    with pytest.raises(ValueError, match="resolution_times: "):
        ResolutionTimes().load([{"category": "weather"}])
