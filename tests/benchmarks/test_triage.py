"""The synthetic incidents: each fault has the effects of its kind and no others, and its label follows from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.triage.engine import Speed, serve
from benchmarks.triage.figures import BARS, NOTHING, Figures, figures, macro_f1, weighted_kappa
from benchmarks.triage.generator.fault import Fault, Knob, Reach
from benchmarks.triage.generator.fault_kinds import FAULT_KINDS
from benchmarks.triage.generator.labels import Harm, Label, label, severity_of
from benchmarks.triage.generator.scenario import CATEGORIES, Event, Scenario, draw, seeds
from benchmarks.triage.generator.service import Requests, Service
from benchmarks.triage.generator.stack import run
from benchmarks.triage.match import match_incidents
from benchmarks.triage.naive_baseline import naive_baseline
from benchmarks.triage.page import PAGE, page
from benchmarks.triage.simulate import ORIGIN_S, Simulation, simulate
from classifiers.model import Category, Incident, Related, Severity
from tests.classifiers.readings import ALL, reading

CHAT = Service(
    "chat", "m", ("r0", "r1"), ("t0", "t1", "t2"), (0.4, 0.35, 0.25), ("v1", "v2"), 0.3, 40.0, 10.0, 40, 0.01, 120.0,
    100.0, (0.8, 0.8, 0.8), 2, frozenset({"rag", "safety", "input"}), "recording",
)
LENGTH_S = 60.0
WHOLE = Reach()


def fault(reach: Reach, *effects: tuple[Knob, float], **over: object) -> Fault:
    made = Fault("test", "performance_degradation", reach, ((20.0, 50.0),), effects)
    return replace(made, **over)  # type: ignore[arg-type]


def mean(requests: Requests, metric: str, reach: Reach = WHOLE) -> float:
    chosen = (requests.arrival_s > 25) & (requests.arrival_s < 50) & requests.answered
    return float(np.nanmean(requests.metrics[metric][chosen & requests.members.within(reach, len(requests))]))


def change(reach: Reach, metric: str, measured: Reach, *effects: tuple[Knob, float]) -> float:
    """A metric with the fault, as a factor of the same without."""
    hit, well = (run(CHAT, faults, LENGTH_S, 1, None) for faults in ((fault(reach, *effects),), ()))
    return mean(hit, metric, measured) / mean(well, metric, measured)


def test_the_same_seed_gives_the_same_records_and_another_seed_others() -> None:
    assert simulate(draw(4)).values == simulate(draw(4)).values
    assert draw(4) != draw(6)


def test_no_seed_is_both_a_development_seed_and_held_out() -> None:
    assert not set(seeds("development", 500)) & set(seeds("held-out", 500))


def test_every_category_has_kinds_of_faults_and_every_kind_has_a_name_of_its_own() -> None:
    assert {kind.category for kind in FAULT_KINDS} == set(CATEGORIES)
    assert len({kind.name for kind in FAULT_KINDS}) == len(FAULT_KINDS)


def test_a_lone_request_does_not_wait_and_takes_its_prefill_and_tokens() -> None:
    speed = Speed(np.full(40, 5.0), 0.0, np.full(40, 8))
    served = serve(np.array([1.0]), np.array([30.0]), np.array([100.0]), speed)
    assert (served.queue_ms[0], served.first_ms[0]) == (0.0, 30.0)
    assert served.done_s[0] == pytest.approx(1.0 + 0.030 + 100 * 0.005)


def test_a_request_that_finds_no_slot_waits_for_the_first_that_ends() -> None:
    speed = Speed(np.full(40, 5.0), 0.0, np.full(40, 1))
    served = serve(np.array([1.0, 1.1]), np.zeros(2), np.array([100.0, 100.0]), speed)
    assert served.queue_ms.tolist() == pytest.approx([0.0, 400.0])
    assert served.done_s.tolist() == pytest.approx([1.5, 2.0])


def test_long_prompts_of_one_tenant_delay_the_first_token_of_all() -> None:
    t0, t1 = Reach("tenant", "t0"), Reach("tenant", "t1")
    assert change(t0, "prompt_tokens", t1, ("prompt", 20.0)) == pytest.approx(1.0, abs=0.01)
    assert change(t0, "ttft_ms", t1, ("prompt", 20.0)) > 1.2


def test_a_slow_decoder_slows_its_own_replica_and_fills_its_batch() -> None:
    r0, r1 = Reach("replica", "r0"), Reach("replica", "r1")
    assert change(r0, "tpot_ms", r0, ("decode", 2.0)) > 1.8
    assert change(r0, "batch_active", r0, ("decode", 2.0)) > 1.5
    assert change(r0, "tpot_ms", r1, ("decode", 2.0)) == pytest.approx(1.0, abs=0.05)


def test_fewer_slots_make_requests_wait_while_tokens_take_no_longer() -> None:
    assert change(Reach(), "queue_ms", Reach(), ("slots", 0.15)) > 10.0
    assert change(Reach(), "tpot_ms", Reach(), ("slots", 0.15)) < 1.2


def test_a_silent_replica_answers_nothing_and_the_router_goes_elsewhere_after_a_while() -> None:
    hit = run(CHAT, (fault(Reach("replica", "r0"), ("silent", 1.0)),), LENGTH_S, 1, None)
    during = (hit.done_s > 20.5) & (hit.done_s < 50) & hit.answered
    assert not (hit.members.within(Reach("replica", "r0"), len(hit)) & during).any()
    well = run(CHAT, (), LENGTH_S, 1, None)
    for from_s, until_s, least, most in ((22.0, 38.0, 0.4, 0.65), (42.0, 49.0, 0.9, 1.1)):
        answered, before = ((one.answered & (one.arrival_s > from_s) & (one.arrival_s < until_s)).sum()
                            for one in (hit, well))
        assert least < answered / before < most


def test_harm_is_measured_against_the_same_requests_without_the_fault() -> None:
    well = run(CHAT, (), LENGTH_S, 1, None)
    failing = fault(Reach(), ("failing", 0.4))
    harm = label(failing, run(CHAT, (failing,), LENGTH_S, 1, None), well).harm
    assert harm.lost == pytest.approx(0.4, abs=0.05)
    assert harm.share == 1.0


@pytest.mark.parametrize(
    ("reach", "harm", "tier", "severity"),
    [
        (Reach(), Harm(1.0, 0.95, 1.0, 1.0, 0.0), 2, "P0"),
        (Reach(), Harm(1.0, 0.0, 1.0, 1.0, 0.6), 2, "P0"),
        (Reach("replica", "r0"), Harm(0.5, 0.5, 1.0, 1.0, 0.0), 2, "P1"),
        (Reach("tenant", "t0"), Harm(0.4, 0.0, 1.0, 1.0, 0.3), 2, "P2"),
        (Reach("replica", "r0"), Harm(0.25, 0.0, 1.6, 1.1, 0.0), 2, "P2"),
        (Reach(), Harm(1.0, 0.0, 1.5, 1.5, 0.0), 1, "P1"),
        (Reach(), Harm(1.0, 0.0, 1.1, 1.1, 0.0), 2, "P3"),
        (Reach(), Harm(1.0, 0.95, 1.0, 1.0, 0.0), 3, "P3"),
        (Reach(), Harm(1.0, 0.0, 3.0, 3.0, 0.0), 3, "P4"),
    ],
)
def test_severity_follows_the_definitions(reach: Reach, harm: Harm, tier: int, severity: Severity) -> None:
    assert severity_of(fault(reach), harm, tier) == severity


def test_a_breach_is_the_worst_and_a_trend_without_harm_the_least() -> None:
    harm = Harm(0.3, 0.0, 1.0, 1.0, 0.0)
    assert severity_of(fault(Reach("tenant", "t0"), breach=True), harm, 2) == "P0"
    assert severity_of(fault(Reach(), planning=True), harm, 2) == "P4"


def test_a_perfect_matrix_scores_one_and_a_missed_fault_costs() -> None:
    perfect: dict[tuple[str, str], int] = {(name, name): 5 for name in CATEGORIES}
    assert macro_f1(perfect) == 1.0
    missed = {**perfect, ("security", NOTHING): 5}
    assert macro_f1(missed) == pytest.approx((6 + 2 / 3) / 7)


def test_kappa_is_one_for_agreement_and_none_by_chance() -> None:
    assert weighted_kappa({("P0", "P0"): 3, ("P3", "P3"): 4}) == 1.0
    assert weighted_kappa({("P0", "P2"): 3, ("P3", "P2"): 4}) == pytest.approx(0.0)


EVIDENCE = (reading(ALL, "confidence", 1.0, -0.5),)
HARM = Harm(1.0, 0.0, 1.0, 1.0, 0.0)


def incident(name: str, opened_s: float, category: Category, **over: object) -> Incident:
    made = Incident(
        name, "resolved", ORIGIN_S + opened_s, ORIGIN_S + opened_s, ORIGIN_S + opened_s + 30.0, category, "P2", "P2",
        "chat", "m", None, None, None, "",
    )
    return replace(made, **over)  # type: ignore[arg-type]


def pair() -> Simulation:
    faults = fault(Reach("tenant", "t0"), ("quality", 0.7)), fault(Reach("replica", "r0"), ("decode", 2.0))
    event = Event("pair", "chat", 20.0, 50.0, faults)
    labels = (
        Label("data_quality", "P2", Reach("tenant", "t0"), HARM),
        Label("performance_degradation", "P2", Reach("replica", "r0"), HARM),
    )
    return Simulation(Scenario(0, (CHAT,), (event,)), [], [(event, labels)])


def test_each_of_two_faults_is_judged_by_the_incident_that_fits_it() -> None:
    slow = incident("slow", 22.0, "performance_degradation", replica="r0")
    worse = incident("worse", 25.0, "data_quality", tenant="t0")
    ((found,), strays) = match_incidents(pair(), [slow, worse])
    assert [match.incident for match in found.matches] == [worse, slow]
    assert (found.duplicates, strays) == ((), [])


def test_one_incident_for_two_faults_keeps_nothing_apart_and_misses_one() -> None:
    accounts, strays = match_incidents(pair(), [incident("both", 22.0, "data_quality", tenant="t0")])
    shares = figures(accounts, strays, 1.0).shares
    assert (shares["pairs kept apart"], shares["faults found"]) == (0.0, 0.5)


def test_a_further_incident_is_a_duplicate_unless_it_is_an_effect_and_false_where_no_fault_was() -> None:
    slow = incident("slow", 22.0, "performance_degradation", replica="r0")
    worse = incident("worse", 25.0, "data_quality", tenant="t0")
    more = incident("more", 30.0, "model_degradation")
    effect = replace(more, id="effect", related=(Related("slow", "caused_by"),))
    false = incident("false", 5.0, "availability")
    ((found,), strays) = match_incidents(pair(), [slow, worse, more, effect, false])
    assert (found.duplicates, strays) == ((more,), [false])


def test_the_naive_baseline_has_one_p2_incident_for_what_overlaps_in_a_service() -> None:
    slow = incident("slow", 22.0, "performance_degradation", severity="P0", evidence=EVIDENCE)
    published = naive_baseline([slow, incident("worse", 25.0, "data_quality", evidence=EVIDENCE)])
    assert [(one.id, one.category, one.peak_severity) for one in published] == [("slow", "model_degradation", "P2")]


def test_the_page_shows_every_figure_and_says_what_the_labels_mean() -> None:
    made: Figures = figures(match_incidents(pair(), [])[0], [], 1.0)
    text = page({"development": (made, made)}, {"development": 1})
    assert "1 development" in text
    assert all(name in text for name in made.shares)
    assert "P4  planning" in text


@pytest.mark.parametrize("name", BARS)
@pytest.mark.parametrize("part", ["development", "held-out"])
def test_the_published_figures_reach_their_bars_or_the_page_says_that_they_do_not(part: str, name: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    lines = [line.strip("| ").split(" | ") for line in text.splitlines()]
    head = next(cells for cells in lines if cells[0] == "figure")
    value = float(next(cells for cells in lines if cells[0] == name)[head.index(part)])
    bar, more = BARS[name]
    assert (value >= bar if more else value <= bar) != (f"{part}: {name}" in text)
