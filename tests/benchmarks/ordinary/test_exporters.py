"""Scrapes are those of exporters: cumulative, of one process each, and silent in a gap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pytest

from benchmarks.ordinary.generator.day import Day, Gap
from benchmarks.ordinary.generator.fleet import Names, rolled
from benchmarks.ordinary.generator.scrapes import scrape_records
from benchmarks.ordinary.generator.service import Replica
from benchmarks.ordinary.generator.simulate import Requests
from tests.benchmarks.ordinary.days import END_S, START_S, day, fault, served, service


def points(one_day: Day, requests: Requests) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Pod, metric, finished_reason and point of every scrape."""
    for _, value in scrape_records(one_day, (requests,), 4):
        for resource in orjson.loads(value)["resourceMetrics"]:
            attributes = {one["key"]: one["value"]["stringValue"] for one in resource["resource"]["attributes"]}
            for metric in resource["scopeMetrics"][0]["metrics"]:
                data = next(metric[kind] for kind in ("sum", "gauge", "histogram") if kind in metric)
                for point in data["dataPoints"]:
                    labels = {one["key"]: one["value"]["stringValue"] for one in point["attributes"]}
                    yield attributes["k8s.pod.name"], metric["name"], labels.get("finished_reason", ""), point


def series(one_day: Day, requests: Requests, pod: str, name: str, reason: str = "") -> list[dict[str, Any]]:
    """The points of one series in order."""
    return [point for of, metric, why, point in points(one_day, requests) if (of, metric, why) == (pod, name, reason)]


SCRAPED = day(form="otlp_json")


def test_counters_of_a_process_never_fall_and_count_its_requests() -> None:
    requests = served()
    found = series(SCRAPED, requests, "r0", "vllm:request_success", "stop")
    values = [point["asDouble"] for point in found]
    assert values == sorted(values)
    first, last = (float(point["timeUnixNano"]) / 1e9 - SCRAPED.origin_s for point in (found[0], found[-1]))
    mine = (requests.replica == 0) & ~requests.failed & ~requests.cut
    counted = ((requests.done_s[mine] > first) & (requests.done_s[mine] <= last)).sum()
    assert values[-1] - values[0] == counted


def test_a_histogram_counts_every_answer_once() -> None:
    found = series(SCRAPED, served(), "r0", "vllm:e2e_request_latency_seconds")
    assert all(int(point["count"]) == sum(map(int, point["bucketCounts"])) for point in found)
    counts = np.array([list(map(int, point["bucketCounts"])) for point in found])
    assert (np.diff(counts, axis=0) >= 0).all()


def test_a_restart_under_the_same_name_begins_at_zero_with_a_new_start_time() -> None:
    old = tuple(Replica(f"chat-{number}", "v1") for number in range(3))
    turned = tuple(rolled(old, Names("chat", renamed=False), "v1", 300.0, 60.0, np.random.default_rng(1)))
    split = ((-np.inf, {"v1": 1.0}),)
    one_day = day(form="otlp_json", services=(service(replicas=turned, split=split),))
    found = series(one_day, served(replicas=turned, split=split), "chat-0", "vllm:generation_tokens")
    starts = [point["startTimeUnixNano"] for point in found]
    at = next(place for place, start in enumerate(starts) if start != starts[0])
    assert found[at]["asDouble"] < found[at - 1]["asDouble"]
    assert len(set(starts)) == 2


def test_a_hung_engine_exports_on_with_no_answers_and_requests_that_pile_up() -> None:
    hung = day(form="otlp_json", faults=(fault("hung_replica"),))
    requests = served(*hung.faults)

    def at(name: str, reason: str = "") -> dict[float, float]:
        return {float(point["timeUnixNano"]) / 1e9 - hung.origin_s: point["asDouble"]
                for point in series(hung, requests, "r1", name, reason)}

    answers = at("vllm:request_success", "stop")
    stuck = [value for time, value in answers.items() if START_S + 1 < time < END_S]
    assert len(stuck) > 15
    assert len(set(stuck)) == 1
    running, waiting = at("vllm:num_requests_running"), at("vllm:num_requests_waiting")
    held = [running[time] + waiting[time] for time in running if START_S + 60 < time < END_S]
    assert held == sorted(held)
    assert held[-1] > 200
    assert max(running[time] for time in running if time < START_S) < 50


@pytest.mark.parametrize("replica", [None, "r1"])
def test_nothing_is_scraped_in_a_gap(replica: str | None) -> None:
    gap = day(form="otlp_json", gaps=(Gap(300.0, 360.0, ("chat",), replica),))
    missing = [
        pod for pod, name, _, point in points(gap, served())
        if name == "vllm:kv_cache_usage_perc" and 300.0 <= float(point["timeUnixNano"]) / 1e9 - gap.origin_s < 360.0
    ]
    assert ("r1" in missing, bool(missing)) == (False, replica is not None)


def test_a_restarted_collector_writes_new_start_times_and_values_that_go_on() -> None:
    again = day(form="otlp_json", gaps=(Gap(300.0, 330.0, ("chat",), restart=True),))
    found = series(again, served(), "r0", "vllm:generation_tokens")
    at = next(place for place, point in enumerate(found) if point["startTimeUnixNano"] != found[0]["startTimeUnixNano"])
    assert found[at]["startTimeUnixNano"] == found[at]["timeUnixNano"]
    assert found[at]["asDouble"] > found[at - 1]["asDouble"]
    assert found[-1]["startTimeUnixNano"] == found[at]["startTimeUnixNano"]


def test_samples_of_prometheus_say_what_the_collector_says() -> None:
    requests = served()
    last: dict[tuple[str, str, str], float] = {}
    for _, value in scrape_records(day(form="prometheus_json"), (requests,), 4):
        sample = orjson.loads(value)
        labels = sample["labels"]
        assert labels["__name__"] == sample["name"]
        more = labels.get("le", labels.get("finished_reason", ""))
        last[labels["pod"], sample["name"], more] = float(sample["value"])
    for name, reason in (("vllm:request_success", "stop"), ("vllm:generation_tokens", "")):
        assert last["r0", f"{name}_total", reason] == series(SCRAPED, requests, "r0", name, reason)[-1]["asDouble"]
    point = series(SCRAPED, requests, "r0", "vllm:time_to_first_token_seconds")[-1]
    below = np.cumsum(list(map(int, point["bucketCounts"])))
    bounds = [*map(str, point["explicitBounds"]), "+Inf"]
    assert [last["r0", "vllm:time_to_first_token_seconds_bucket", bound] for bound in bounds] == below.tolist()
    assert last["r0", "vllm:time_to_first_token_seconds_count", ""] == below[-1]
