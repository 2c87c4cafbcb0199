"""Input formats: native requests, OTLP metrics in two encodings, Prometheus samples. One codec each, one table here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from streams.intake.aggregated.intake import InputOptions
from streams.intake.codec import Codec
from streams.intake.native import NativeCodec
from streams.intake.otlp import OtlpCodec
from streams.intake.otlp_wire import Json, Protobuf
from streams.intake.prometheus import PrometheusCodec
from streams.intake.scopes import ScopeTable
from streams.intake.validation import Rules

__all__ = ["FORMATS", "NATIVE", "InputFormat", "InputOptions", "InputPlan", "build_codec"]

InputFormat = Literal["native", "otlp_proto", "otlp_json", "prometheus_json"]
Build = Callable[[ScopeTable, Rules, InputOptions], Codec]

FORMATS: Mapping[InputFormat, Build] = MappingProxyType({
    "native": lambda scopes, rules, _: NativeCodec(scopes, rules),
    "otlp_proto": lambda scopes, rules, options: OtlpCodec(Protobuf(), scopes, rules, options),
    "otlp_json": lambda scopes, rules, options: OtlpCodec(Json(), scopes, rules, options),
    "prometheus_json": PrometheusCodec,
})


@dataclass(frozen=True, slots=True)
class InputPlan:
    """How the records of one topic are read."""

    format: InputFormat = "native"
    options: InputOptions = field(default_factory=InputOptions)

    @property
    def aggregated(self) -> bool:
        """Whether its values were aggregated by whoever wrote them."""
        return self.format != "native"


NATIVE = InputPlan()


def build_codec(plan: InputPlan, scopes: ScopeTable, rules: Rules) -> Codec:
    """The codec of one topic within a shard."""
    return FORMATS[plan.format](scopes, rules, plan.options)
