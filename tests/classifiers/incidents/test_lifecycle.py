from __future__ import annotations

import itertools
from typing import get_args

import pytest

from classifiers.incidents.lifecycle import TABLE, Event, IllegalTransitionError, Phase, step


def test_ended_phases_have_no_way_out() -> None:
    assert not {phase for phase, _ in TABLE} & {"resolved", "dropped"}


@pytest.mark.parametrize(("phase", "event"), list(itertools.product(get_args(Phase), get_args(Event))))
def test_every_pair_is_in_the_table_or_refused_by_name(phase: Phase, event: Event) -> None:
    if (phase, event) in TABLE:
        assert step(phase, event) == TABLE[phase, event]
    else:
        with pytest.raises(IllegalTransitionError, match=f"{event}.*{phase}"):
            step(phase, event)
