"""The table of input formats: native requests, OTLP metrics in two encodings, Prometheus samples; one codec each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from streams.intake.aggregated.point_reader import InputOptions
from streams.intake.codec import Codec
from streams.intake.native import NativeCodec
from streams.intake.otlp import OtlpCodec
from streams.intake.otlp_wire import Json, Protobuf
from streams.intake.prometheus import PrometheusCodec
from streams.intake.scopes import ScopeTable
from streams.intake.validation import ValidationLimits

__all__ = ["FORMATS", "NATIVE", "InputFormat", "InputOptions", "InputPlan", "build_codec"]

InputFormat = Literal["native", "otlp_proto", "otlp_json", "prometheus_json"]
Build = Callable[[ScopeTable, ValidationLimits, InputOptions], Codec]

FORMATS: Mapping[InputFormat, Build] = MappingProxyType({
    "native": lambda scopes, limits, _: NativeCodec(scopes, limits),
    "otlp_proto": lambda scopes, limits, options: OtlpCodec(Protobuf(), scopes, limits, options),
    "otlp_json": lambda scopes, limits, options: OtlpCodec(Json(), scopes, limits, options),
    "prometheus_json": PrometheusCodec,
})


@dataclass(frozen=True, slots=True)
class InputPlan:
    """How the records of one topic are read."""

    format: InputFormat = "native"
    options: InputOptions = field(default_factory=InputOptions)

    @property
    def aggregated(self) -> bool:
        """Whether the writer of the topic aggregated its values."""
        return self.format != "native"


NATIVE = InputPlan()


def build_codec(plan: InputPlan, scopes: ScopeTable, limits: ValidationLimits) -> Codec:
    """The codec of one topic within a shard."""
    return FORMATS[plan.format](scopes, limits, plan.options)
