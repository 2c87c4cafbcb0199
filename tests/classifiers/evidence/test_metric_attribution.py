"""Attribution of one metric: the part that stands out, an earlier part, two parts, or the whole."""

from __future__ import annotations

import pytest

from classifiers.evidence.attribution import WHOLE, Attribution
from classifiers.evidence.evidence_table import Onset
from classifiers.evidence.metric_attribution import (
    EARLIER_S,
    PART_SHARE_MAX,
    attribute_metric,
    leading_parts,
    part_deviations,
)
from classifiers.evidence.series_snapshot import UNOBSERVED, SeriesSnapshot
from classifiers.model import Scope
from tests.classifiers.readings import ALL, CODE, PROSE, R0, R1, V1, V2

R2 = Scope("chat", "gpt", replica="r2")
Parts = dict[Scope, SeriesSnapshot]


def series(
    deviation: float, alarm_ewma: float = 0.5, samples: int = 50, onset: Onset | None = None, alarms: int = 3,
    expected: float | None = 100.0,
) -> SeriesSnapshot:
    return SeriesSnapshot(alarm_ewma, alarms, deviation, samples, 2.0, "up", onset, expected)


def attributed(
    parts: Parts, concentration_min: float = 0.8, additive: bool = False, rolling: bool = False,
) -> list[Attribution]:
    """The attribution of a metric that shifted up, in the order of `attribute_metric`."""
    deviations = part_deviations(parts, 1.0, {})
    whole = parts.get(ALL, series(0.0, samples=100))
    return attribute_metric(
        parts, deviations, leading_parts(deviations), whole, "up", concentration_min, additive, rolling,
    )


def test_deviations_against_the_direction_count_as_none() -> None:
    falling = part_deviations({R0: series(-0.5), R1: series(0.3), ALL: series(-0.1)}, -1.0, {})
    assert {value: size for value, (size, _) in falling["replica"].items()} == {"r0": 0.5, "r1": 0.0}
    assert set(falling) == {"replica"}


def test_known_parts_without_a_series_count_as_not_deviating() -> None:
    found = part_deviations({R0: series(0.5)}, 1.0, {"replica": {"r1", "r0"}, "tenant": {"code"}})
    assert (found["replica"]["r0"][0], found["replica"]["r1"]) == (0.5, (0.0, UNOBSERVED))
    assert found["tenant"] == {"code": (0.0, UNOBSERVED)}


def test_the_lead_is_the_distance_to_the_second_as_a_share_of_the_first() -> None:
    found = leading_parts(part_deviations({R0: series(0.1), R1: series(0.4), R2: series(0.2)}, 1.0, {}))
    assert found == {"replica": ("r1", 0.5)}


def test_a_dimension_with_one_value_or_without_deviation_has_no_leading_part() -> None:
    assert leading_parts(part_deviations({R0: series(0.5)}, 1.0, {})) == {}
    assert leading_parts(part_deviations({R0: series(0.0), R1: series(-1.0)}, 1.0, {})) == {}


def test_of_equal_parts_the_first_by_name_leads_by_nothing() -> None:
    assert leading_parts(part_deviations({R1: series(0.4), R0: series(0.4)}, 1.0, {})) == {"replica": ("r0", 0.0)}


@pytest.mark.parametrize(("second", "found"), [(0.2, Attribution("replica", "r0", 0.8)), (0.3, WHOLE)])
def test_a_part_stands_out_when_it_is_far_enough_ahead(second: float, found: Attribution) -> None:
    assert attributed({R0: series(1.0), R1: series(second)}) == [found]


def test_of_two_dimensions_the_one_that_is_further_ahead_stands_out() -> None:
    parts = {R0: series(1.0), R1: series(0.1), CODE: series(1.0), PROSE: series(0.05)}
    assert attributed(parts) == [Attribution("tenant", "code", 0.95)]


def test_a_part_that_never_alarmed_does_not_stand_out() -> None:
    assert attributed({R0: series(1.0, alarms=0), R1: series(0.0)}) == [WHOLE]


@pytest.mark.parametrize(("samples", "found"), [(60, Attribution("version", "v2", 1.0)), (61, WHOLE)])
def test_a_version_with_most_of_the_traffic_is_the_whole(samples: int, found: Attribution) -> None:
    assert samples / 100 >= PART_SHARE_MAX
    assert attributed({V2: series(1.0, samples=samples), V1: series(0.0)}) == [found]


def test_a_replica_with_most_of_the_traffic_is_still_a_part() -> None:
    assert attributed({R0: series(1.0, samples=90), R1: series(0.0)}) == [Attribution("replica", "r0", 1.0)]


def both_late(first_s: float, second_s: float, error_s: float | None = 0.0, alarm_ewma: float = 0.9) -> Parts:
    """Two replicas that deviate alike, from different onsets on."""
    return {
        R0: series(1.0, alarm_ewma, onset=Onset(first_s, error_s)),
        R1: series(1.0, alarm_ewma, onset=Onset(second_s, error_s)),
    }


EARLIER = [Attribution("replica", "r0", 1.0), WHOLE]


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (both_late(0.0, EARLIER_S + 0.1), EARLIER),
        (both_late(0.0, EARLIER_S), [WHOLE]),
        (both_late(0.0, EARLIER_S + 2.1, 1.0), EARLIER),
        (both_late(0.0, EARLIER_S + 2.0, 1.0), [WHOLE]),
        (both_late(0.0, EARLIER_S + 20.1, 10.0), EARLIER),
        (both_late(0.0, EARLIER_S + 20.0, 10.0), [WHOLE]),
        (both_late(0.0, EARLIER_S + 0.1, None), EARLIER),
        (both_late(0.0, 60.0, alarm_ewma=0.7), [WHOLE]),
        ({**both_late(0.0, 60.0), R2: series(1.0, 0.9)}, [WHOLE]),
        ({R0: series(1.0, 0.9, onset=Onset(0.0, 0.0)), ALL: series(1.0, 0.9, onset=Onset(60.0, 0.0))}, [WHOLE]),
    ],
    ids=["earlier", "not early enough", "with errors", "within errors", "with large errors", "within large errors",
         "unknown errors", "not sustained", "a sibling without an onset", "no sibling"],
)
def test_a_part_that_surely_deviated_before_all_its_siblings_has_a_cause_of_its_own(
    parts: Parts, found: list[Attribution],
) -> None:
    assert attributed(parts) == found


def test_an_earlier_tenant_counts_too_and_an_earlier_version_does_not() -> None:
    early, late = series(1.0, 0.9, onset=Onset(0.0, 0.0)), series(1.0, 0.9, onset=Onset(60.0, 0.0))
    assert attributed({CODE: early, PROSE: late}) == [Attribution("tenant", "code", 1.0), WHOLE]
    assert attributed({V1: early, V2: late}) == [WHOLE]


def mixed(alarm_ewma: float) -> Parts:
    """Replica r0 deviates by 0.6 and tenant prose by 0.4; each is half of the traffic and shows half of the other."""
    sizes = {ALL: 0.5, R0: 0.6 + 0.2, R1: 0.2, CODE: 0.3, PROSE: 0.3 + 0.4}
    return {scope: series(size, alarm_ewma, samples=100 if scope == ALL else 50) for scope, size in sizes.items()}


def test_two_parts_that_explain_all_series_together_are_both_attributed() -> None:
    assert {one.value for one in attributed(mixed(0.9))} == {"r0", "prose"}


def test_series_that_alarm_only_now_and_then_are_attributed_to_one_part_at_most() -> None:
    assert attributed(mixed(0.7)) == [WHOLE]


def test_log_probabilities_are_compared_by_their_differences() -> None:
    # All fell by 0.6, which is three times the usual value of one tenant and 1.2 times that of the others.
    tenants = [Scope("chat", "gpt", tenant=f"t{number}") for number in range(4)]
    usual = {ALL: -0.47, R0: -0.47, R1: -0.47, **dict.fromkeys(tenants[:3], -0.5), tenants[3]: -0.2}
    samples = {ALL: 1000, R0: 500, R1: 500, **dict.fromkeys(tenants[:3], 300), tenants[3]: 100}
    parts = {
        scope: series(0.6 / abs(usual[scope]), 0.9, samples[scope], expected=usual[scope]) for scope in usual
    }
    assert attributed(parts, additive=True) == [WHOLE]
    shares = {scope: series(one.deviation, 0.9, one.samples, expected=0.5) for scope, one in parts.items()}
    assert {one.value for one in attributed(shares, additive=True)} == {"t3", None}


@pytest.mark.parametrize(
    ("version", "named"),
    [
        (series(0.5, samples=50, alarms=0), "v2"), (series(0.4, samples=60), "v2"), (series(0.3, samples=50), "r0"),
        (series(0.5, samples=90), "r0"), (UNOBSERVED, "r0"),
    ],
    ids=["no alarm of its own", "about the same", "another deviation", "more requests", "not observed"],
)
def test_a_replica_that_shows_the_requests_of_a_version_is_that_version(version: SeriesSnapshot, named: str) -> None:
    parts = {R0: series(0.5), R1: series(0.0, alarms=0), V1: series(0.0, alarms=0, samples=200), V2: version}
    assert [one.value for one in attributed(parts)] == [named]


def test_where_a_service_runs_one_version_alone_its_replica_is_named() -> None:
    parts = {R0: series(0.5), R1: series(0.0, alarms=0), V2: series(0.5)}
    assert attributed(parts) == [Attribution("replica", "r0", 1.0)]


def test_a_replica_and_the_version_of_its_requests_are_no_two_parts() -> None:
    """The first replica of a rolling deploy, a quarter of the traffic; each tenant shows its share of that."""
    siblings = {Scope("chat", "gpt", replica=f"r{number}"): 0.0 for number in (1, 2, 3)}
    tenants = {Scope("chat", "gpt", tenant=f"t{number}"): 0.15 for number in range(8)}
    sizes = {ALL: 0.15, R0: 0.6, V1: 0.0, V2: 0.58, **siblings, **tenants}
    shares = {ALL: 1000, V1: 750, **dict.fromkeys(tenants, 125)}
    parts = {scope: series(size, 0.9 if size else 0.0, shares.get(scope, 250)) for scope, size in sizes.items()}
    assert attributed(parts) == [Attribution("version", "v2", 1.0)]


@pytest.mark.parametrize(("rolling", "size", "samples", "earlier"), [
    (True, 1.0, 50, []), (False, 1.0, 50, ["r0"]), (True, 0.6, 50, ["r0"]), (True, 1.0, 40, ["r0"]),
])
def test_the_replica_that_a_version_was_rolled_out_to_first_has_no_cause_of_its_own(
    rolling: bool, size: float, samples: int, earlier: list[str],
) -> None:
    early, late = series(1.0, 0.9, onset=Onset(0.0, 0.0)), series(1.0, 0.9, onset=Onset(60.0, 0.0))
    found = attributed({R0: early, R1: late, V2: series(size, 0.0, samples, alarms=0)}, rolling=rolling)
    assert [one.value for one in found] == [*earlier, None]
