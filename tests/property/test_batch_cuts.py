"""However records are cut into batches, and however sources interleave, the same comes out, to the bit."""

from __future__ import annotations

from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.base import Statistic
from streams.intake.native import decode
from streams.intake.scopes import ScopeTable
from streams.intake.validation import ValidationLimits
from streams.windows.series import SeriesTable
from streams.windows.windower import Watermark, Windower, WindowParams
from tests.streams.records import NOW_S, FakeRecord, lines, named, records, sample

T = 1_795_420_000.0
STATISTIC: dict[str, Statistic] = {"a": "mean", "b": "p95", "c": "sum"}
LATENESS_S = 0.5
PARAMS = WindowParams(min_count=3, max_wait_s=3.0)

labels = st.fixed_dictionaries({}, optional={
    "version": st.sampled_from(["v1", "v2"]), "replica": st.sampled_from(["r0", "r1", ""]),
    "tenant": st.sampled_from(["t0", "t1", "t2"]),
})
metrics = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.floats(-1e12, 1e12, allow_subnormal=False), min_size=1, max_size=3,
)
good = st.builds(
    lambda step, values, names: sample(T + step / 8, metrics=values, model="m", **names),
    st.integers(0, 60), metrics, labels,
)
bad: st.SearchStrategy[object] = st.sampled_from([
    None, b"", b"{", b"17", b'{"ts":1}', sample(NOW_S * 1e3), sample(metrics={"a": "x"}), sample(version=1), [],
    b'{"ts":1,"service":"c","metrics":{"a":1}', b'"b":2}}', b'{"ts":1,"service":"c","metrics":{"a":1}},{}',
])
values = st.lists(st.one_of(good, good, good, bad, st.lists(st.one_of(good, st.just(3)), max_size=3)), max_size=40)
sources = st.dictionaries(st.sampled_from(["x", "y"]), values, min_size=1)


class Run:
    """Codec and windows of one worker, fed with batches of (source, records)."""

    def __init__(self) -> None:
        self.scopes = ScopeTable()
        self.series = SeriesTable(500, self.scopes)
        self.windows = Windower(PARAMS, self.series, lambda metric: STATISTIC.get(metric, "mean"))
        self.blocks: list[object] = []
        self.dead: list[tuple[str, int, str]] = []
        self.counts = [0, 0, 0, 0]
        self.highest_s: dict[str, float] = {}

    def take(self, source: str, batch: list[FakeRecord]) -> None:
        decoded = decode(batch, self.scopes, ValidationLimits(), NOW_S)
        highest_s = self.highest_s.get(source, -inf)
        result = self.windows.add(source, decoded.samples, source == "x", Watermark(highest_s, LATENESS_S))
        if result.times is not None:
            self.highest_s[source] = max(highest_s, result.times.newest_s)
        self.dead += [(source, dead.record.offset, dead.detail) for dead in decoded.dead]
        found = (result.accepted, result.late, decoded.counts.values, decoded.counts.rejected)
        self.counts = [count + more for count, more in zip(self.counts, found, strict=True)]

    def clock_s(self) -> float:
        """Up to where every source allows windows to close."""
        return min(self.highest_s.values(), default=-inf) - LATENESS_S

    def close(self, clock_s: float) -> None:
        for closed in self.windows.close(clock_s):
            block = [(named(self.series, row), line) for row, line in zip(
                closed.block.rows, lines(closed.block), strict=True)]
            origins = [(one.source, one.first_offset, one.last_offset, sorted(one.metrics)) for one in closed.origins]
            self.blocks.append((closed.end_s, sorted(block), origins))

    def outcome(self) -> tuple[object, ...]:
        self.close(inf)
        series = sorted((named(self.series, row), self.series.last_seen_s[row]) for row in self.series.active())
        return self.blocks, sorted(self.dead), self.counts, series


@settings(max_examples=150, deadline=None)
@given(sources=sources, data=st.data())
def test_any_cut_into_batches_gives_the_same_windows_late_counts_and_dead_letters(
    sources: dict[str, list[object]], data: st.DataObject,
) -> None:
    whole, pieces = Run(), Run()
    rest = {source: records(values) for source, values in sources.items()}
    for run in (whole, pieces):
        for source in rest:
            run.highest_s[source] = -inf
    for source, batch in rest.items():
        whole.take(source, batch)
    while any(rest.values()):
        source = data.draw(st.sampled_from(sorted(source for source, left in rest.items() if left)))
        cut = data.draw(st.integers(1, len(rest[source])))
        pieces.take(source, rest[source][:cut])
        rest[source] = rest[source][cut:]
        if data.draw(st.booleans()):
            pieces.close(pieces.clock_s())

    assert repr(pieces.outcome()) == repr(whole.outcome())


@settings(max_examples=60, deadline=None)
@given(values=values, cut=st.integers(0, 40))
def test_a_worker_restored_from_its_snapshot_goes_on_to_the_bit(values: list[object], cut: int) -> None:
    batch = records(values)
    first = Run()
    first.take("x", batch[:cut])
    first.close(first.clock_s())
    second = Run()
    second.scopes.restore(first.scopes.snapshot())
    arrays, meta = first.series.snapshot()
    second.series.restore(arrays, meta)
    second.windows.restore(*first.windows.snapshot())
    second.blocks, second.dead, second.counts = list(first.blocks), list(first.dead), list(first.counts)
    second.highest_s = dict(first.highest_s)
    for run in (first, second):
        run.take("x", batch[cut:])

    assert repr(second.outcome()) == repr(first.outcome())


@settings(max_examples=200, deadline=None)
@given(batch=st.lists(st.binary(max_size=40) | good | bad, max_size=12))
def test_decoding_never_raises_and_accounts_for_every_record(batch: list[object]) -> None:
    found = decode(records(batch), ScopeTable(), ValidationLimits(), NOW_S)

    used = set(found.samples.offset.tolist()) | {dead.record.offset for dead in found.dead}
    empty_arrays = {offset for offset, value in enumerate(batch) if value == []}
    assert used | empty_arrays >= set(range(len(batch))) - {
        offset for offset, value in enumerate(batch) if isinstance(value, bytes) and value.strip() == b"[]"
    }
