"""Grouping of symptoms into causes: roots, effects, circles, and which roots are one cause. Hand-made symptoms."""

from __future__ import annotations

import pytest

from classifiers.causes.causal_rules import Shift
from classifiers.causes.grouping import FLUSH_S, LAG_S, ONSET_ERROR_MAX_S, TIMEOUT_GROWTH, Cause, group_symptoms
from classifiers.causes.symptoms import AlarmActivity, Symptom
from classifiers.evidence.attribution import WHOLE, Attribution, Dimension
from classifiers.evidence.evidence_table import ABSENCE, Onset, Signal
from classifiers.model import Direction

WINDOW_S = 2.0
R0, R1 = Attribution("replica", "r0", 1.0), Attribution("replica", "r1", 1.0)
CODE, PROSE = Attribution("tenant", "code", 1.0), Attribution("tenant", "prose", 1.0)
SUSTAINED = AlarmActivity(1.0, 10)
BRIEF = AlarmActivity(0.5, 2)
PAST = AlarmActivity(0.0, 10, past=True)


def symptom(
    signal: Signal, part: Attribution = WHOLE, onset_s: float = 100.0, error_s: float = 0.0, size: float = 0.4,
    activity: AlarmActivity = SUSTAINED, leading: tuple[Attribution, ...] = (), **fields: object,
) -> Symptom:
    """A symptom of a metric called like its signal. leading: parts that lead on it."""
    direction: Direction = "down" if signal in ("quality", ABSENCE, "lull", "cache") else "up"
    leads: dict[tuple[Dimension, str], float] = {
        (one.dimension, one.value): 0.9 for one in leading if one.dimension is not None and one.value is not None
    }
    made = Symptom(
        signal, Shift("traffic" if signal == "lull" else signal, direction, part, size), 1.0, Onset(onset_s, error_s),
        activity, leads,
    )
    return made if not fields else type(made)(**{name: getattr(made, name) for name in made.__slots__} | fields)


def groups(*symptoms: Symptom, window_s: float = WINDOW_S) -> dict[str, tuple[list[str], list[str]]]:
    """By key of the cause, the metrics of its roots and of all its symptoms."""
    return {cause.key: _metrics(cause) for cause in group_symptoms(symptoms, window_s)}


def _metrics(cause: Cause) -> tuple[list[str], list[str]]:
    return [one.metric for one in cause.roots], [one.metric for one in cause.symptoms]


def test_no_symptoms_have_no_cause() -> None:
    assert group_symptoms([], WINDOW_S) == []


def test_effects_go_to_the_root_through_a_chain_upstream_first() -> None:
    found = groups(symptom("latency"), symptom("tokens_in", CODE), symptom("queueing"))
    assert found == {"tenant=code tokens_in": (["tokens_in"], ["tokens_in", "queueing", "latency"])}


def test_parts_that_do_not_explain_each_other_are_two_causes_in_order_of_key() -> None:
    found = groups(symptom("quality", CODE), symptom("decode", R0))
    assert list(found) == ["replica=r0 decode", "tenant=code quality"]


def test_an_effect_goes_to_the_cause_in_its_own_part() -> None:
    found = groups(
        symptom("decode", R0), symptom("decode", R1, co_located=True, metric="tpot"), symptom("latency", R0),
    )
    assert found["replica=r0 decode"][1] == ["decode", "latency"]


def test_of_two_causes_the_one_in_the_part_of_the_effect_explains_it_however_light() -> None:
    found = groups(
        symptom("tokens_in", CODE, weight=1.0), symptom("cache", onset_s=90.0, weight=9.0), symptom("latency", CODE),
    )
    assert found["tenant=code tokens_in"][1] == ["tokens_in", "latency"]


def test_of_two_causes_elsewhere_the_one_that_leads_on_the_effect_explains_it() -> None:
    found = groups(
        symptom("tokens_in", CODE, weight=1.0), symptom("cache", PROSE, onset_s=90.0, weight=9.0),
        symptom("latency", leading=(CODE,)),
    )
    assert found["tenant=code tokens_in"][1] == ["tokens_in", "latency"]


def test_of_two_equal_causes_the_weightier_explains_the_effect() -> None:
    found = groups(
        symptom("tokens_in", CODE, weight=1.0), symptom("cache", PROSE, onset_s=90.0, weight=9.0), symptom("latency"),
    )
    assert found["tenant=prose cache"][1] == ["cache", "latency"]


@pytest.mark.parametrize(("effect_s", "causes"), [(98.0, 1), (97.9, 2)])
def test_an_effect_does_not_begin_before_its_cause(effect_s: float, causes: int) -> None:
    # In different parts, since roots of one part that began together are one cause anyway.
    assert len(groups(symptom("tokens_in", CODE), symptom("latency", onset_s=effect_s))) == causes


@pytest.mark.parametrize(("error_s", "causes"), [(1.0, 1), (0.9, 2), (99.0, 1)])
def test_errors_of_the_onsets_are_allowed_for(error_s: float, causes: int) -> None:
    effect = symptom("latency", onset_s=100.0 - WINDOW_S - 1.0, error_s=error_s)
    assert len(groups(symptom("tokens_in", CODE), effect)) == causes


def test_an_effect_whose_onset_is_hardly_known_did_not_surely_begin_before_its_cause() -> None:
    effect = symptom("first_token", onset_s=71.0, error_s=50.0)
    assert len(groups(symptom("decode", error_s=5.0), effect)) == 1


@pytest.mark.parametrize(("owners", "causes"), [((0, 0), 1), ((0, 1), 2), ((None, None), 2), ((0, None), 2)])
def test_onsets_do_not_divide_what_one_episode_has_had_for_a_while(
    owners: tuple[int | None, int | None], causes: int,
) -> None:
    decode, latency = symptom("decode", owner=owners[0]), symptom("latency", onset_s=80.0, owner=owners[1])
    assert len(groups(decode, latency)) == causes


def test_a_large_onset_error_of_a_cause_counts_only_up_to_the_bound() -> None:
    effect = symptom("latency", onset_s=100.0 - WINDOW_S - ONSET_ERROR_MAX_S - 0.1)
    assert len(groups(symptom("tokens_in", CODE, error_s=99.0), effect)) == 2


@pytest.mark.parametrize(("later_s", "causes"), [(WINDOW_S + LAG_S, 1), (WINDOW_S + LAG_S + 0.1, 2)])
@pytest.mark.parametrize(("cause", "effect"), [("inputs", "quality"), ("tokens_in", "quality")])
def test_an_immediate_effect_does_not_begin_long_after_its_cause(
    cause: Signal, effect: Signal, later_s: float, causes: int,
) -> None:
    assert len(groups(symptom(cause, CODE), symptom(effect, CODE, onset_s=100.0 + later_s))) == causes


def test_load_may_build_up_slowly() -> None:
    assert len(groups(symptom("tokens_in", CODE), symptom("latency", CODE, onset_s=160.0))) == 1
    assert len(groups(symptom("quality", CODE), symptom("latency", CODE, onset_s=160.0))) == 1


@pytest.mark.parametrize(
    ("later_s", "error_s", "causes"),
    [(FLUSH_S + 0.1, 0.0, 1), (FLUSH_S, 0.0, 2), (FLUSH_S + 1.1, 1.0, 1), (FLUSH_S + 1.0, 1.0, 2)],
)
def test_traffic_that_surely_began_after_a_backlog_is_its_flush(later_s: float, error_s: float, causes: int) -> None:
    assert len(groups(symptom("queueing", R0), symptom("traffic", onset_s=100.0 + later_s, error_s=error_s))) == causes


@pytest.mark.parametrize(("activity", "causes"), [(PAST, 1), (SUSTAINED, 2)])
def test_slow_decoding_is_flushed_as_traffic_only_once_it_is_over(activity: AlarmActivity, causes: int) -> None:
    assert len(groups(symptom("decode", R0, activity=activity), symptom("traffic", onset_s=110.0))) == causes


@pytest.mark.parametrize(("growth", "causes"), [(TIMEOUT_GROWTH, 1), (TIMEOUT_GROWTH - 0.1, 2)])
def test_load_explains_failures_only_where_requests_wait_long_enough_to_time_out(growth: float, causes: int) -> None:
    symptoms = symptom("tokens_in", CODE), symptom("latency", CODE, size=growth), symptom("errors")
    assert len(groups(*symptoms)) == causes


def test_silence_elsewhere_explains_failures_only_by_waiting_and_its_own_at_once() -> None:
    assert len(groups(symptom(ABSENCE, R0), symptom("errors"))) == 2
    assert len(groups(symptom(ABSENCE, R0), symptom("errors", R0, onset_s=110.0))) == 1


def test_requests_fail_at_one_replica_by_load_on_all_only_if_they_wait_longest_there() -> None:
    load = symptom("traffic"), symptom("latency", size=5.0)
    assert len(groups(*load, symptom("errors", R0, onset_s=110.0))) == 2
    load = symptom("traffic"), symptom("latency", size=5.0, leading=(R0,))
    assert len(groups(*load, symptom("errors", R0, onset_s=110.0))) == 1


@pytest.mark.parametrize(("siblings", "causes"), [({"r0"}, 1), ({"r0", "r2"}, 2)])
def test_rerouted_load_shows_in_all_replicas_that_are_left(siblings: set[str], causes: int) -> None:
    late = symptom("latency", R1, onset_s=110.0, siblings=frozenset(siblings))
    assert len(groups(symptom(ABSENCE, R0), late)) == causes


def test_traffic_may_be_rerouted_to_one_replica_alone() -> None:
    rerouted = symptom("traffic", R1, siblings=frozenset({"r0", "r2"}))
    assert len(groups(symptom(ABSENCE, R0), rerouted)) == 1


def test_a_replica_explains_its_own_delay_while_its_siblings_show_none() -> None:
    own = symptom("latency", R0, onset_s=110.0, siblings=frozenset({"r1"}))
    assert len(groups(symptom("decode", R0), own)) == 1


@pytest.mark.parametrize(("leading", "causes"), [((CODE,), 1), ((PROSE,), 2), ((), 2)])
def test_a_part_that_leads_on_an_effect_of_the_whole_explains_it(
    leading: tuple[Attribution, ...], causes: int,
) -> None:
    assert len(groups(symptom("tokens_in", CODE), symptom("quality", leading=leading))) == causes


@pytest.mark.parametrize(("leading", "causes"), [((CODE,), 1), ((PROSE,), 2), ((), 2)])
def test_the_whole_explains_failures_of_a_tenant_that_leads_on_it(
    leading: tuple[Attribution, ...], causes: int,
) -> None:
    slow = symptom("decode", leading=leading), symptom("latency", size=5.0)
    assert len(groups(*slow, symptom("errors", CODE, onset_s=110.0))) == causes


def test_of_symptoms_that_explain_each_other_in_a_circle_the_first_one_is_the_root() -> None:
    # The backlog is flushed as traffic; and within the window that traffic may have begun before the backlog.
    queue, traffic = symptom("queueing", onset_s=100.0), symptom("traffic", onset_s=104.0)
    assert groups(traffic, queue, window_s=5.0) == {"all queueing": (["queueing"], ["traffic", "queueing"])}


@pytest.mark.parametrize(
    ("a", "b", "causes"),
    [
        # The same signal in one part, or in the whole and a part.
        (symptom("quality", CODE, metric="logprob"), symptom("quality", CODE, onset_s=150.0), 1),
        (symptom("quality", CODE, metric="logprob"), symptom("quality", onset_s=150.0), 1),
        # In two parts of one dimension: one cause while one of them is brief, else two.
        (symptom("quality", CODE, metric="logprob"), symptom("quality", PROSE, activity=BRIEF), 1),
        (symptom("quality", CODE, metric="logprob"), symptom("quality", PROSE), 2),
        # In parts of different dimensions.
        (symptom("quality", CODE, metric="logprob"), symptom("quality", R0, activity=BRIEF), 2),
        # Where two parts stand out on one metric, only the same part is one cause.
        (symptom("quality", CODE, co_located=True), symptom("quality", onset_s=100.0, co_located=True), 2),
        (symptom("quality", CODE, co_located=True), symptom("quality", CODE, metric="logprob"), 1),
    ],
)
def test_roots_of_one_signal_are_one_cause_unless_their_parts_exclude_each_other(
    a: Symptom, b: Symptom, causes: int,
) -> None:
    assert len(groups(a, b)) == len(groups(b, a)) == causes


@pytest.mark.parametrize(
    ("later_s", "error_s", "causes"),
    [(WINDOW_S, 0.0, 1), (WINDOW_S + 0.1, 0.0, 2), (WINDOW_S + 1.0, 1.0, 1), (WINDOW_S + 1.1, 1.0, 2)],
)
def test_unconnected_roots_of_one_part_are_one_cause_if_they_began_together(
    later_s: float, error_s: float, causes: int,
) -> None:
    first, second = symptom("quality", CODE), symptom("cache", CODE, 100.0 + later_s, error_s)
    assert len(groups(first, second)) == len(groups(second, first)) == causes


def test_unconnected_roots_of_different_parts_are_two_causes_though_they_began_together() -> None:
    assert len(groups(symptom("quality", CODE), symptom("cache", PROSE))) == 2


def fewer(signal: Signal, size: float, onset_s: float) -> Symptom:
    """A mean that falls."""
    return symptom(signal, onset_s=onset_s, shift=Shift(signal, "down", WHOLE, size))


@pytest.mark.parametrize(("other", "causes"), [
    (symptom("tokens_in", onset_s=160.0), 1), (symptom("tokens_in", onset_s=94.0), 1),
    (symptom("tokens_in", onset_s=93.9), 2), (symptom("tokens_in", R0, onset_s=160.0), 2),
    (fewer("tokens_out", 0.5, onset_s=160.0), 1), (fewer("tokens_out", 0.51, onset_s=160.0), 2),
    (symptom("cache", onset_s=160.0), 1), (symptom("quality", onset_s=160.0), 2),
])
def test_more_requests_may_be_other_requests_whose_means_differ(other: Symptom, causes: int) -> None:
    assert len(groups(symptom("traffic", size=1.0, activity=PAST), other)) == causes


def test_fewer_requests_do_not_make_their_means_differ() -> None:
    assert len(groups(symptom("lull", size=1.0, activity=PAST), symptom("tokens_in", onset_s=160.0))) == 2


def test_unions_of_roots_are_transitive() -> None:
    first, last = symptom("quality", CODE), symptom("cache", CODE, metric="hit_rate", onset_s=104.0)
    between = symptom("cache", CODE, onset_s=102.0)
    assert len(groups(first, last)) == 2
    assert len(groups(first, last, between)) == len(groups(between, first, last)) == 1


def test_a_cause_is_past_when_none_of_its_symptoms_alarms_and_its_roots_may_be_past_before() -> None:
    over, lasting = symptom("tokens_in", CODE, activity=PAST), symptom("latency", CODE)
    (cause,) = group_symptoms([over, lasting], WINDOW_S)
    assert (cause.past, cause.roots_past, cause.weight) == (False, True, 1.0)
    (cause,) = group_symptoms([over], WINDOW_S)
    assert (cause.past, cause.roots_past, cause.weight) == (True, True, 0.0)


def test_the_onset_of_a_cause_is_the_earliest_of_its_roots_with_errors() -> None:
    roots = symptom("quality", CODE, 100.0, 0.5), symptom("cache", CODE, 101.0, 2.0)
    (cause,) = group_symptoms([*roots, symptom("latency", CODE, 98.5, 0.0)], WINDOW_S)
    assert [one.metric for one in cause.roots] == ["quality", "cache"]
    assert cause.onset_s == 99.0


@pytest.mark.parametrize(
    ("fell_s", "queued_s", "key"), [(100.0, 190.0, "replica=r0 lull"), (190.0, 100.0, "replica=r0 queueing")],
)
def test_a_queue_and_a_lull_of_one_part_are_one_cause_whichever_shows_first(
    fell_s: float, queued_s: float, key: str,
) -> None:
    found = groups(symptom("lull", R0, fell_s, size=1.0), symptom("queueing", R0, queued_s))
    assert {name: sorted(symptoms) for name, (_, symptoms) in found.items()} == {key: ["lull", "queueing"]}
