"""A snapshot under another plan: what is kept, what is learned anew, and what lives on in any case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifiers.directives import Silence
from config import load
from config.models import Config, StatisticRule
from detectors.base import FloatArray
from streams.contracts.ticks import Tick
from streams.pipeline import Shard
from streams.planning import plan_of
from streams.shard.changed.migration import migrated
from streams.shard.plan import Plan
from streams.shard.snapshot import Snapshot
from streams.state.snapshots import decode, encode
from tests.streams.contracts.signed import DIRECTIVES
from tests.streams.fakes import LATENCY, T, batch, clocked, config_of, requests

CONFIG = load(None, {})
PLAN = plan_of(CONFIG)
SECONDS = 60
SILENCE = next(each for each in DIRECTIVES if isinstance(each, Silence))


def fed() -> Shard:
    """A shard of which every series is warm; a silence waits."""
    shard = clocked(PLAN, T + SECONDS + 50.0)
    shard.ingest(LATENCY, batch(requests(SECONDS)).records)
    shard.apply_tick(Tick(3, T + SECONDS + 50.0, dict(shard.offsets), T + SECONDS - 1.0, directives=(SILENCE,)))
    return shard


def under(plan: Plan, snapshot: Snapshot) -> Shard:
    """A shard of this plan, as a restart makes it where the former configuration cannot be read."""
    shard, migration = migrated(lambda: Shard(plan), decode(encode(snapshot)), 0.0)
    shard.migration = migration
    return shard


def of(change: Callable[[Config], Config]) -> Plan:
    return plan_of(change(CONFIG))


def with_profile(name: str, **changes: object) -> Callable[[Config], Config]:
    def change(config: Config) -> Config:
        profiles = tuple(
            replace(one, **changes) if one.name == name else one  # type: ignore[arg-type]
            for one in config.detection.profiles
        )
        return config.model_copy(update={"detection": replace(config.detection, profiles=profiles)})
    return change


def centres(shard: Shard) -> dict[str, FloatArray]:
    """What robust location expects, by metric."""
    rows = shard.series.active()
    metrics = np.array([shard.series.key(row)[0] for row in rows.tolist()])
    return {metric: shard.suite.expected(rows[metrics == metric]) for metric in sorted(set(metrics.tolist()))}


def test_where_only_what_decides_changed_nothing_is_learned_anew() -> None:
    first = fed()
    plan = of(lambda config: config.model_copy(update={"triage": replace(config.triage, confirm_instants=3)}))
    second = under(plan, first.snapshot())
    assert second.migration is not None
    assert second.migration.is_whole
    np.testing.assert_equal(centres(second), centres(first))


def test_only_the_series_of_a_profile_that_changed_are_learned_anew() -> None:
    first = fed()
    before = centres(first)
    second = under(of(with_profile("latency", min_rel=0.5)), first.snapshot())
    after = centres(second)
    assert np.isfinite(before["latency_ms"]).all()
    assert np.isnan(after["latency_ms"]).all()
    for metric in before.keys() - {"latency_ms"}:
        np.testing.assert_equal(after[metric], before[metric])
    assert second.migration is not None
    assert 0 < second.migration.kept < second.migration.series
    assert not second.migration.relearned


@pytest.mark.parametrize("changes", [{"low": -5.0}, {"warm_up": 31}, {"labels": {"service": "*"}}])
def test_a_limit_of_a_profile_lets_its_series_keep_what_they_learned(changes: dict[str, object]) -> None:
    first = fed()
    second = under(of(with_profile("latency", **changes)), first.snapshot())
    np.testing.assert_equal(centres(second), centres(first))


@pytest.mark.parametrize("changes", [
    {"direction": "down"}, {"min_abs": 99.0}, {"min_rel": 0.5}, {"scale": "linear"}, {"sampling": "pre_aggregated"},
    {"token_budget": 10.0},
])
def test_what_a_profile_learns_by_lets_its_series_learn_anew_but_for_their_arrivals(changes: dict[str, object]) -> None:
    first = fed()
    second = under(of(with_profile("latency", **changes)), first.snapshot())
    rows = second.series.active()
    after = centres(second)
    assert np.isnan(after["latency_ms"]).all()
    assert all(np.isfinite(after[metric]).any() for metric in after.keys() - {"latency_ms"})
    learned, kept = first.suite.snapshot(rows), second.suite.snapshot(rows)
    for name in (name for name in learned if name.startswith("absence.")):
        np.testing.assert_equal(kept[name], learned[name])


@pytest.mark.parametrize("text", [
    "learning: {min_incidents: 77}", "limits: {actions_per_hour: 77}", "services: [{match: chat, tier: 1}]",
    "maintenance: [{name: m, matchers: ['service=chat'], time_intervals: [{weekdays: [sunday]}]}]",
    "playbooks: [{name: all, version: 1, match: {}, mode: suggest, steps: [{kind: notify, target: '{service}'}]}]",
])
def test_a_section_that_no_detector_reads_lets_every_series_keep_what_it_learned(tmp_path: Path, text: str) -> None:
    plan = plan_of(config_of(tmp_path, f"version: 1\n{text}\n"))
    assert plan.config_hash != PLAN.config_hash
    first = fed()
    second = under(plan, first.snapshot())
    assert second.migration is not None
    assert second.migration.is_whole
    np.testing.assert_equal(centres(second), centres(first))


def test_another_statistic_of_a_metric_lets_the_series_of_the_metric_learn_anew() -> None:
    first = fed()
    rule = StatisticRule(metrics="latency_ms", statistic="p95")
    plan = of(lambda config: config.model_copy(
        update={"windows": config.windows.model_copy(update={"statistics": (rule,)})},
    ))
    second = under(plan, first.snapshot())
    after, before = centres(second), centres(first)
    assert np.isnan(after["latency_ms"]).all()
    for metric in before.keys() - {"latency_ms"}:
        np.testing.assert_equal(after[metric], before[metric])


def test_the_shared_frame_lets_most_detectors_learn_anew() -> None:
    first = fed()
    location = replace(CONFIG.detection.robust_location, ring=CONFIG.detection.robust_location.ring + 10)
    plan = of(lambda config: config.model_copy(
        update={"detection": replace(config.detection, robust_location=location)},
    ))
    second = under(plan, first.snapshot())
    assert second.migration is not None
    assert {"robust_location", "cusum", "band", "ranking"} <= set(second.migration.relearned)
    assert "absence" not in second.migration.relearned


@pytest.mark.parametrize("section", ["marginals", "rate_metric"])
def test_scopes_and_the_rate_that_are_cut_otherwise_are_learned_anew_as_windows_are(section: str) -> None:
    def change(config: Config) -> Config:
        if section == "marginals":
            return config.model_copy(update={"scopes": config.scopes.model_copy(update={"marginals": ("replica",)})})
        return config.model_copy(update={"windows": config.windows.model_copy(update={"rate_metric": "rps"})})

    first = fed()
    second = under(of(change), first.snapshot())
    assert second.migration is not None
    assert (second.migration.kept, second.migration.reason) == (0, "windows or scopes are cut otherwise")
    goes_on(first, second)


def test_only_the_detector_whose_parameters_changed_learns_anew() -> None:
    first = fed()
    cusum = replace(CONFIG.detection.cusum, clip=99.0)
    plan = of(lambda config: config.model_copy(update={"detection": replace(config.detection, cusum=cusum)}))
    second = under(plan, first.snapshot())
    assert second.migration is not None
    assert second.migration.relearned == ("cusum",)
    np.testing.assert_equal(centres(second), centres(first))
    rows = second.series.active()
    state, cold = second.suite.snapshot(rows), Shard(plan).suite.snapshot(rows)
    for name in (name for name in state if name.startswith("cusum.")):
        np.testing.assert_equal(state[name], cold[name])


def test_windows_that_are_cut_otherwise_are_learned_anew_and_decisions_go_on() -> None:
    first = fed()
    size_s = CONFIG.windows.model_copy(update={"size_s": 2.0})
    detection = replace(CONFIG.detection, window_s=2.0)
    plan = of(lambda config: config.model_copy(update={"windows": size_s, "detection": detection}))
    second = under(plan, first.snapshot())
    assert second.migration is not None
    assert (second.migration.kept, second.migration.reason) == (0, "windows or scopes are cut otherwise")
    assert len(second.series) == 0
    goes_on(first, second)


def test_an_input_that_is_no_longer_read_takes_its_series_along_and_nothing_else() -> None:
    first = clocked(PLAN, T + 60.0)
    first.ingest(LATENCY, batch(requests(3)).records)
    first.event_time._sources[LATENCY].highest_s = T + 3.0
    first.apply_tick(Tick(3, T + 60.0, dict(first.offsets), directives=(SILENCE,)))
    other = min(PLAN.sources.keys() - {LATENCY})
    second = under(replace(PLAN, sources={other: False}), first.snapshot())
    assert len(second.series) == 0
    assert second.migration is not None
    assert LATENCY in (second.migration.reason or "")
    goes_on(first, second)


def goes_on(first: Shard, second: Shard) -> None:
    """What no configuration changes."""
    assert second.directives.dump() == first.directives.dump()
    assert second.offsets == first.offsets
    assert (second.ticked_at_s, second.generation) == (first.ticked_at_s, first.generation)
    assert second.triage.open_incidents() == first.triage.open_incidents()


def as_of_the_version_before(snapshot: Snapshot) -> Snapshot:
    meta = {name: value for name, value in snapshot.meta.items() if name not in ("learned", "configuration")}
    arrays = {name: array for name, array in snapshot.arrays.items() if not name.startswith("learned.")}
    return replace(snapshot, version=16, meta=meta, arrays=arrays)


def test_a_snapshot_of_the_version_before_is_taken_over_whole() -> None:
    first = fed()
    second = Shard.restored(PLAN, as_of_the_version_before(first.snapshot()))
    assert second.migration is not None
    assert second.migration.is_whole
    np.testing.assert_equal(centres(second), centres(first))
    goes_on(first, second)


def test_of_the_version_before_and_another_configuration_the_decisions_go_on() -> None:
    first = fed()
    second = under(of(with_profile("latency", min_rel=0.5)), as_of_the_version_before(first.snapshot()))
    assert len(second.series) == 0
    goes_on(first, second)


def test_a_tick_with_a_configuration_changes_the_shard_between_windows() -> None:
    """Open windows, waiting outcomes and untouched series are as if it had always been so."""
    first, second = fed(), fed()
    plan = of(lambda config: config.model_copy(update={"triage": replace(config.triage, confirm_instants=3)}))
    records = batch(requests(3, start=SECONDS), first=10 * SECONDS).records
    for shard in (first, second):
        shard.ingest(LATENCY, records[:15])
    offsets = dict(first.offsets)
    first.apply_tick(Tick(3, T + 200.0, offsets))
    second.apply_tick(Tick(3, T + 200.0, offsets, configuration=plan.written))
    assert (second.plan.config_hash, second.plan.written) == (plan.config_hash, plan.written)
    windows = []
    for shard in (first, second):
        shard.ingest(LATENCY, records[15:])
        windows.append(shard.apply_tick(Tick(3, T + 201.0, dict(shard.offsets), T + SECONDS + 2.0)).windows)
    assert windows[0] == windows[1] > 0
    np.testing.assert_equal(second.suite.snapshot(second.series.active()), first.suite.snapshot(first.series.active()))


def test_a_restart_goes_on_under_the_configuration_of_the_snapshot_until_a_tick_says_otherwise() -> None:
    first = fed()
    plan = of(with_profile("latency", min_rel=0.5))
    second = Shard.restored(plan, decode(encode(first.snapshot())))
    assert second.plan.written == PLAN.written
    np.testing.assert_equal(centres(second), centres(first))
    for shard in (first, second):
        shard.apply_tick(Tick(4, T + 200.0, dict(shard.offsets), configuration=plan.written))
    assert encode(second.snapshot()) == encode(first.snapshot())


def test_a_configuration_that_this_release_cannot_read_changes_nothing() -> None:
    first = fed()
    first.apply_tick(Tick(3, T + 200.0, dict(first.offsets), configuration='{"windows": {"unheard_of": 1}}'))
    assert first.plan is PLAN
