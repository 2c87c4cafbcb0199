"""The label of a fault: scope, category and severity by definition, from the fault and its measured harm.

The same requests are served with and without the fault, and compared over the time in which it was at its full size.
The definitions:

P0  the whole service is out (9 of 10 requests lost), data or unsafe output got out, or over 50 % of the quality of at
    least three in ten requests is lost
P1  partly unavailable (a replica lost, or 1 request in 10), context corrupted for several tenants, an attack on
    several tenants, or significant harm to at least three in ten requests: 15 % of quality, or twice the latency
P2  moderate: less of it, or a single tenant
P3  minor: less than 5 % of quality and less than 1.25 times the latency, or configuration that drifted
P4  planning: a trend that nobody suffers from yet

What is moderate is significant where it hits all of a service of tier 1. A service of tier 3 is not in production: what
would be P0 there is P3, all else P4.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.triage.generator.fault import Fault, Reach
from benchmarks.triage.generator.service import Requests
from classifiers.model import Category, Severity
from detectors.base import BoolArray

SEVERITIES: tuple[Severity, ...] = ("P0", "P1", "P2", "P3", "P4")


@dataclass(frozen=True, slots=True)
class Harm:
    """share: of the service's traffic that is within the fault's reach. lost: share of all requests that failed or got
    no answer because of it. latency: mean latency within its reach as a factor of the same without it; wide: the same
    over the whole service. quality: share of the quality lost within its reach."""

    share: float
    lost: float
    latency: float
    wide: float
    quality: float


@dataclass(frozen=True, slots=True)
class Label:
    """The truth about one fault."""

    category: Category
    severity: Severity
    reach: Reach
    harm: Harm


def label(fault: Fault, hit: Requests, well: Requests) -> Label:
    """The label of a fault. hit, well: the service's requests with it alone and without any."""
    harm = harm_of(fault, hit, well)
    return Label(fault.category, severity_of(fault, harm, hit.service.tier), fault.reach, harm)


def harm_of(fault: Fault, hit: Requests, well: Requests) -> Harm:
    """What it did to requests that arrived while it was at its full size."""
    during, before = _during(fault, hit), _during(fault, well)
    reach = fault.reach if fault.version is None else Reach()
    within, within_before = during & hit.members.within(reach, len(hit)), before & well.members.within(reach, len(well))
    share = within_before.sum() / max(before.sum(), 1)
    lost = _lost(hit, during) - _lost(well, before)
    return Harm(
        float(share), float(max(lost, 0.0)), _slower(hit, within, well, within_before),
        _slower(hit, during, well, before), 1.0 - fault.size("quality"),
    )


def severity_of(fault: Fault, harm: Harm, tier: int) -> Severity:
    """The definitions of the module."""
    severity = _in_production(fault, harm, tier)
    if tier < 3:
        return severity
    return "P3" if severity == "P0" else "P4"


def _in_production(fault: Fault, harm: Harm, tier: int) -> Severity:
    tenant = fault.reach.dimension == "tenant"
    if fault.planning:
        return "P4"
    if fault.breach or harm.lost >= 0.9 or (harm.quality > 0.5 and harm.share >= 0.3):
        return "P0"
    if harm.lost >= 0.1 or fault.size("silent"):
        return "P2" if tenant else "P1"
    slower = max(harm.latency, harm.wide)
    reaching = harm.share >= 0.3
    significant = (harm.quality >= 0.15 and reaching) or (harm.latency >= 2.0 and reaching) or harm.wide >= 2.0
    several = fault.category in ("context_pipeline", "security") and not tenant and not fault.drift
    if several or (significant and not tenant):
        return "P1"
    minor = harm.quality < 0.05 and slower < 1.25 and harm.lost < 0.02 and not significant
    if (minor and fault.category not in ("security", "context_pipeline", "data_quality")) or (
        fault.drift and slower < 1.5
    ):
        return "P3"
    moderate_on_all = tier == 1 and fault.reach.dimension is None
    return "P1" if moderate_on_all else "P2"


def _during(fault: Fault, requests: Requests) -> BoolArray:
    """Requests that arrived while it was at its full size."""
    full: BoolArray = fault.progress(requests.arrival_s) >= 0.8
    return full


def _lost(requests: Requests, chosen: BoolArray) -> float:
    gone = (~requests.answered | requests.failed)[chosen]
    return float(gone.mean()) if len(gone) else 0.0


def _slower(
    hit: Requests, mine: BoolArray, well: Requests,
    theirs: BoolArray,
) -> float:
    after, before = _latency(hit, mine), _latency(well, theirs)
    return after / before if after is not None and before is not None else 1.0


def _latency(requests: Requests, chosen: BoolArray) -> float | None:
    latency_ms = requests.metrics["latency_ms"][chosen & requests.answered]
    return float(latency_ms.mean()) if len(latency_ms) else None
