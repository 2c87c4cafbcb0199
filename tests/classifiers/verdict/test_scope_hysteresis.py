"""The part that an incident hits widens at once, and narrows only once that has held."""

from __future__ import annotations

from classifiers.evidence.attribution import WHOLE, Attribution
from classifiers.verdict.scope_hysteresis import LONGEST_S, SHORTEST_S, ScopeHysteresis

R0, R1 = Attribution("replica", "r0", 0.9), Attribution("replica", "r1", 0.9)


def in_force(scope: ScopeHysteresis, found: Attribution, *times_s: float) -> list[str]:
    """What is in force after this part was found at each of these times."""
    parts = []
    for now_s in times_s:
        scope.update(found, now_s)
        parts.append(scope.part.value or "all")
    return parts


def test_the_first_part_takes_effect_at_once() -> None:
    assert in_force(ScopeHysteresis(), R0, 0.0) == ["r0"]


def test_the_whole_takes_effect_at_once() -> None:
    scope = ScopeHysteresis()
    assert in_force(scope, R0, 0.0, 1.0) + in_force(scope, WHOLE, 2.0) == ["r0", "r0", "all"]


def test_a_part_takes_effect_once_it_has_held() -> None:
    scope = ScopeHysteresis()
    in_force(scope, WHOLE, 0.0)
    assert in_force(scope, R0, 1.0, 1.0 + SHORTEST_S - 0.5, 1.0 + SHORTEST_S) == ["all", "all", "r0"]


def test_a_part_that_is_not_found_in_between_starts_anew() -> None:
    scope = ScopeHysteresis()
    in_force(scope, R0, 0.0)
    assert in_force(scope, R1, 1.0, 2.0) + in_force(scope, R0, 3.0) + in_force(scope, R1, 4.0, 6.0) == ["r0"] * 5


def test_what_hit_all_for_long_does_not_narrow_while_it_fades() -> None:
    scope = ScopeHysteresis()
    in_force(scope, WHOLE, 0.0)
    assert in_force(scope, R0, 300.0, 300.0 + LONGEST_S - 1.0, 300.0 + LONGEST_S) == ["all", "all", "r0"]
