from __future__ import annotations

from benchmarks.reload import METRICS, measure


def test_a_reload_loses_no_window_and_no_row_that_it_does_not_concern() -> None:
    found = measure(services=2, replicas=3)
    scopes, judged = 2 * (1 + 3 + 3), len(METRICS) + 1
    assert found.series == scopes * judged
    assert found.kept == found.untouched == scopes * (judged - 1)
    assert found.differing == 0
    assert found.windows[0] == found.windows[1] > 0
