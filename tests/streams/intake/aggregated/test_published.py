"""Each row of the alias table stands for a name that its stack publishes; each published name has a row or a reason.

The names are in `tests/streams/intake/aggregated/published/`, a file a stack, as the stack writes them on `/metrics` or
in OTLP, with version and source. `gauge!` is a gauge by type and a count since the start by value.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from streams.intake.aggregated.alias_table import NOT_WATCHED, TABLE
from streams.intake.aggregated.aliases import Aliases, Stack, Unit

FOLDER = Path(__file__).parent / "published"
ALIASES = Aliases(TABLE, "drop", NOT_WATCHED)
UNITS: dict[str, Unit] = {"_seconds": "s", "_ms": "ms", "_us": "us"}


def read(stack: str) -> dict[str, str]:
    """The type of each published name of a stack."""
    lines = (FOLDER / f"{stack}.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    return dict(line.split() for line in lines if not line.startswith("#"))


PUBLISHED = [
    (stack, name, kind) for stack in get_args(Stack) if stack != "unknown" for name, kind in read(stack).items()
]


@pytest.mark.parametrize(("stack", "name", "kind"), PUBLISHED)
def test_a_published_name_is_watched_as_what_it_is_or_left_out_with_a_reason(
    stack: Stack, name: str, kind: str,
) -> None:
    alias = ALIASES.find(name)
    assert (alias is None) == ALIASES.is_left_out(name)
    if alias is not None:
        assert (alias.stack, alias.kind) == (stack, "counter" if kind == "gauge!" else kind)


@pytest.mark.parametrize(("stack", "name", "kind"), PUBLISHED)
def test_the_unit_of_a_time_is_the_one_in_its_name(stack: Stack, name: str, kind: str) -> None:
    alias = ALIASES.find(name)
    unit = next((unit for suffix, unit in UNITS.items() if name.removesuffix("_total").endswith(suffix)), None)
    if alias is not None and unit is not None:
        assert alias.unit == unit, (stack, kind)


def test_every_row_stands_for_a_published_name() -> None:
    found = {alias.source for _, name, _ in PUBLISHED if (alias := ALIASES.find(name)) is not None}
    assert found == {alias.source for alias in TABLE}


def test_nothing_is_left_out_that_is_not_published() -> None:
    published = Aliases((), "drop", {name.removeprefix("ray_"): "" for _, name, _ in PUBLISHED})
    assert [name for name in NOT_WATCHED if not published.is_left_out(name)] == []
