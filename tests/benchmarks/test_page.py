"""The figures that the page on benchmarks names are those that were accepted, and that CI measures again."""

from __future__ import annotations

import pytest

from benchmarks.compare import ACCEPTED, read_accepted
from tests.house.tree import ROOT

FIGURES = [
    (("recordings/serving-h100-1/delay s", "recordings/serving-h100-2/delay s"), "all, none, {:.1f} s and {:.1f} s"),
    (("nab/standard", "nab/low FP", "nab/low FN"), "| {:.1f}, {:.1f}, {:.1f} ("),
    (("nab/standard cv", "nab/low FP cv", "nab/low FN cv"), "({:.1f}, {:.1f}, {:.1f});"),
    (
        ("microsoft/all/AUC-PR", "microsoft/all/recall 1/1000", "microsoft/all/recall 1/250"),
        "| {:.3f}, {:.3f}, {:.3f} |",
    ),
]


@pytest.mark.parametrize(("names", "form"), FIGURES)
def test_the_page_names_the_accepted_figures(names: tuple[str, ...], form: str) -> None:
    accepted = read_accepted(ACCEPTED)
    written = form.format(*(accepted[name].value for name in names)).replace(" 0.", " .")
    assert written in (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")


def test_everything_on_the_recordings_was_accepted_as_found_and_nothing_as_false() -> None:
    accepted = read_accepted(ACCEPTED)
    assert {figure.value for name, figure in accepted.items() if name.endswith("/found")} == {1.0}
    assert {figure.value for name, figure in accepted.items() if name.endswith("/false per 10 min")} == {0.0}
