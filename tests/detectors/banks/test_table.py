"""Tables: rows start cold, grow, are forgotten, saved and restored, alone and as components of a bank."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.banks.composite import Composite
from detectors.banks.table import Column, Table, check_array
from detectors.base import State


def table(capacity: int = 3) -> Table:
    return Table({"sum": Column(np.float64, -1.0), "pair": Column(np.int32, 7, (2,))}, capacity)


def filled() -> Table:
    made = table()
    made["sum"][:] = [10.0, 20.0, 30.0]
    made["pair"][:] = [[1, 2], [3, 4], [5, 6]]
    return made


def content(of: Table) -> tuple[list[float], list[list[int]]]:
    return of["sum"].tolist(), of["pair"].tolist()


def test_a_new_row_has_the_cold_value_in_every_cell() -> None:
    made = table(2)
    assert content(made) == ([-1.0, -1.0], [[7, 7], [7, 7]])
    assert [made[name].dtype.name for name in ("sum", "pair")] == ["float64", "int32"]


def test_growing_keeps_old_rows_and_adds_cold_ones() -> None:
    made = filled()
    made.grow(4)
    assert content(made) == ([10.0, 20.0, 30.0, -1.0], [[1, 2], [3, 4], [5, 6], [7, 7]])
    assert made.capacity == 4


def test_a_table_never_shrinks() -> None:
    made = filled()
    made.grow(1)
    assert made.capacity == 3
    assert content(made) == content(filled())


def test_cells_are_taken_in_the_order_asked_for_as_copies() -> None:
    made = filled()
    taken = made.take("pair", np.array([2, 0]))
    assert taken.tolist() == [[5, 6], [1, 2]]
    taken[:] = 0
    assert content(made) == content(filled())


def test_pairs_are_written_as_by_indexing_to_the_bit() -> None:
    values = np.array([[np.nan, -0.0], [np.inf, 5e-324]])
    made, indexed = (Table({"pair": Column(np.float64, 0.0, (2,))}, 4) for _ in range(2))
    rows = np.array([3, 1])
    made.put_pairs("pair", rows, np.asfortranarray(values))
    indexed["pair"][rows] = values
    assert made["pair"].tobytes() == indexed["pair"].tobytes()


def test_forgetting_makes_only_the_named_rows_cold() -> None:
    made = filled()
    made.forget(np.array([0, 2]))
    assert content(made) == ([-1.0, 20.0, -1.0], [[7, 7], [3, 4], [7, 7]])


def test_a_snapshot_has_the_rows_in_the_order_asked_for() -> None:
    state = filled().snapshot(np.array([2, 0]))
    assert {name: cells.tolist() for name, cells in state.items()} == {"sum": [30.0, 10.0], "pair": [[5, 6], [1, 2]]}


def test_later_writes_do_not_change_a_snapshot() -> None:
    made = filled()
    state = made.snapshot(np.array([1]))
    made["sum"][1] = 99.0
    made.forget(np.array([1]))
    assert state["sum"].tolist() == [20.0]
    assert state["pair"].tolist() == [[3, 4]]


def test_a_snapshot_is_restored_into_other_rows_and_into_no_more() -> None:
    made = table(4)
    made.restore(np.array([3, 1]), filled().snapshot(np.array([0, 2])))
    assert content(made) == ([-1.0, 30.0, -1.0, 10.0], [[7, 7], [5, 6], [7, 7], [1, 2]])


BOTH = np.array([0, 1])
PAIR = np.zeros((2, 2), np.int32)
FOREIGN: dict[str, tuple[State, str]] = {
    "a column is missing": ({"sum": np.zeros(2)}, r"columns \['sum'\], expected \['pair', 'sum'\]"),
    "a column is unknown": ({"sum": np.zeros(2), "pair": PAIR, "x": np.zeros(2)}, r"columns \['pair', 'sum', 'x'\]"),
    "another type": ({"sum": np.zeros(2, np.float32), "pair": PAIR}, r"sum is float32\[2\], expected float64\[2\]"),
    "too few rows": ({"sum": np.zeros(1), "pair": PAIR}, r"sum is float64\[1\], expected float64\[2\]"),
    "another cell shape": ({"sum": np.zeros(2), "pair": np.zeros((2, 3), np.int32)}, r"pair is int32\[2, 3\]"),
    "a scalar cell where a pair belongs": ({"sum": np.zeros(2), "pair": np.zeros(2, np.int32)}, r"pair is int32\[2\]"),
}


@pytest.mark.parametrize(("state", "message"), FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_snapshot_is_refused_by_column_and_writes_nothing(state: State, message: str) -> None:
    made = filled()
    with pytest.raises(ValueError, match=message):
        made.check(BOTH, state)
    with pytest.raises(ValueError, match=message):
        made.restore(BOTH, state)
    assert content(made) == content(filled())


def test_an_array_of_exactly_this_type_and_shape_is_accepted() -> None:
    check_array("x", np.zeros((2, 3), np.int8), np.int8, (2, 3))
    with pytest.raises(ValueError, match=r"x is int8\[2, 3\], expected int8\[3, 2\]"):
        check_array("x", np.zeros((2, 3), np.int8), np.int8, (3, 2))


def two() -> tuple[Table, Table, Composite]:
    one, other = filled(), filled()
    return one, other, Composite({"one": one, "other": other})


def test_components_are_saved_under_their_names() -> None:
    one, other, both = two()
    other["sum"][0] = 5.0
    state = both.snapshot(np.array([0]))
    assert set(state) == {"one.sum", "one.pair", "other.sum", "other.pair"}
    assert (state["one.sum"].tolist(), state["other.sum"].tolist()) == ([10.0], [5.0])
    one.forget(np.array([0]))
    other.forget(np.array([0]))
    both.restore(np.array([0]), state)
    assert (one["sum"][0], other["sum"][0]) == (10.0, 5.0)


def test_components_grow_and_forget_together() -> None:
    one, other, both = two()
    both.grow(5)
    both.forget(np.array([1]))
    assert one.capacity == other.capacity == 5
    assert one["sum"].tolist() == other["sum"].tolist() == [10.0, -1.0, 30.0, -1.0, -1.0]


def test_a_snapshot_with_one_foreign_component_is_restored_in_none() -> None:
    one, other, both = two()
    state = both.snapshot(BOTH)
    broken = {**state, "one.sum": np.zeros(2), "other.sum": np.zeros(2, np.float32)}
    with pytest.raises(ValueError, match="sum is float32"):
        both.restore(BOTH, broken)
    assert content(one) == content(other) == content(filled())


def test_a_column_of_no_component_is_refused_by_name() -> None:
    _, _, both = two()
    state = {**both.snapshot(BOTH), "third.sum": np.zeros(2)}
    with pytest.raises(ValueError, match=r"unknown columns \['third.sum'\], expected components \['one', 'other'\]"):
        both.check(BOTH, state)
