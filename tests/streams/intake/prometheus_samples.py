"""Samples as prometheus-kafka-adapter writes them, and what a codec makes of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from streams.intake.codec import Codec
from streams.intake.columns import Samples
from streams.intake.formats import InputOptions, InputPlan, build_codec
from streams.intake.scopes import ScopeTable
from streams.intake.validation import ValidationLimits
from tests.streams.records import NOW_S, records

TTFT = "vllm:time_to_first_token_seconds"


def codec(options: InputOptions | None = None) -> Codec:
    return build_codec(InputPlan("prometheus_json", options or InputOptions()), ScopeTable(), ValidationLimits())


def sample(name: str, value: object, second: int = 0, instance: str = "a:8000", **labels: str) -> dict[str, object]:
    all_labels = {"__name__": name, "job": "vllm", "instance": instance, "model_name": "llama", **labels}
    minute, second = divmod(second, 60)
    timestamp = f"2026-11-23T07:{50 + minute}:{second:02}Z"
    return {"timestamp": timestamp, "value": str(value), "name": name, "labels": all_labels}


def scrape(
    second: int, counts: Iterable[int], total: float, name: str = TTFT, **labels: str,
) -> list[dict[str, object]]:
    below = np.cumsum(list(counts)).tolist()
    bounds = [*(f"{0.1 * 2**step:g}" for step in range(len(below) - 1)), "+Inf"]
    return [
        *(sample(f"{name}_bucket", count, second, le=bound, **labels)
          for bound, count in zip(bounds, below, strict=True)),
        sample(f"{name}_sum", total, second, **labels), sample(f"{name}_count", below[-1], second, **labels),
    ]


def values_of(samples: Samples) -> dict[str, list[float]]:
    return {column.metric: column.values.tolist() for column in samples.columns}


def values(reader: Codec, *batches: Iterable[object]) -> dict[str, list[float]]:
    """All values of the batches, and of what was held back to the end."""
    found: dict[str, list[float]] = {}
    parts = []
    for batch in batches:
        decoded = reader.decode(records(batch), NOW_S)
        assert decoded.dead == []
        parts.append(decoded.samples)
    held = reader.flush()
    for part in [*parts, *([] if held is None else [held])]:
        for metric, numbers in values_of(part).items():
            found.setdefault(metric, []).extend(numbers)
    return found
