"""Attribution of an episode to one part, or to the whole."""

from __future__ import annotations

from classifiers.evidence.attribution import localise
from classifiers.evidence.evidence_table import ABSENCE, EvidenceTable
from tests.classifiers.readings import ALL, CODE, FLEET, PROSE, R0, R1, V1, V2, evidence_of, reading


def localised(evidence: EvidenceTable) -> tuple[str | None, str | None]:
    attribution = localise(evidence, evidence.metric_weights(), 0.5)
    return attribution.dimension, attribution.value


def test_the_replica_that_deviates_alone_stands_out() -> None:
    evidence = evidence_of("latency_ms", {ALL: 0.5, R0: 1.0, CODE: 0.5, PROSE: 0.5})
    assert localised(evidence) == ("replica", "r0")


def test_the_tenant_that_deviates_alone_stands_out_though_every_replica_serves_it() -> None:
    evidence = evidence_of("confidence", {ALL: -0.2, R0: -0.2, R1: -0.2, PROSE: -0.4})
    assert localised(evidence) == ("tenant", "prose")


def test_siblings_that_deviate_alike_mean_the_whole() -> None:
    assert localised(evidence_of("tpot_ms", dict.fromkeys(FLEET, 1.0))) == (None, None)


def test_a_silent_replica_stands_out() -> None:
    evidence = evidence_of("latency_ms", {})
    evidence.add([reading(R1, "latency_ms", 5.0, 0.0, 3.0, ABSENCE)])
    assert localised(evidence) == ("replica", "r1")


def test_a_dimension_with_one_value_is_never_attributed() -> None:
    evidence = EvidenceTable()
    evidence.add([reading(ALL, "latency_ms", 1.0, 2.0), reading(R0, "latency_ms", 1.0, 2.0)])
    assert localised(evidence) == (None, None)


def test_a_replica_that_shows_the_requests_of_a_version_is_that_version() -> None:
    def evidence(of_version: float, versions: int) -> EvidenceTable:
        """Three instants in which r0 deviates. The new version does not alarm, since more is asked of it."""
        table = evidence_of("latency_ms", {ALL: 0.5, R0: 1.0})
        for second in range(3):
            table.add([reading(V2, "latency_ms", float(second), of_version, 0.4)])
            table.add([reading(V1, "latency_ms", float(second))][:versions - 1])
        return table

    assert localised(evidence(0.9, 2)) == ("version", "v2")
    assert localised(evidence(0.9, 1)) == ("replica", "r0")
    assert localised(evidence(0.6, 2)) == ("replica", "r0")
