"""The native input record, for its schema. The codec reads it with a decoder of its own, column by column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from streams.intake.validation import METRIC_NAME, MILLISECONDS_FROM

Metrics = Annotated[
    dict[str, float | bool],
    Field(min_length=1, json_schema_extra={"propertyNames": {"pattern": f"^{METRIC_NAME.pattern}$"}}),
]


@dataclass(frozen=True, slots=True)
class NativeRecord:
    """Measurements of one request, or of one moment. Other fields are ignored."""

    ts: Annotated[float, Field(ge=0.0, lt=MILLISECONDS_FROM)]
    service: Annotated[str, Field(min_length=1)]
    metrics: Metrics
    model: str | None = None
    version: str | None = None
    replica: str | None = None
    tenant: str | None = None
