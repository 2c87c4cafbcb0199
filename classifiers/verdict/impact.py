"""The impact of an episode on requests: loss of quality, delay and failures, and how many requests are affected.

Read from the deviations of the part that is hit, and of the whole service where the loss is counted over all requests.
Each impact has points for its size and points for its breadth. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from classifiers.evidence.attribution import Attribution, dimension_of
from classifiers.evidence.evidence_table import ABSENCE, MONITORING, SOURCE, EvidenceTable, SeriesEvidence
from classifiers.evidence.families import family_of
from classifiers.model import Factor

Steps = tuple[tuple[float, float], ...]
MINOR = -1.25
MODERATE = 2.0
SIGNIFICANT = 3.0
NOTICEABLE_GROWTH = 1.1
"""Growth of latency below which there is no impact of latency."""
UNMONITORED = "monitoring"
"""The impact of a loss of monitoring: nobody is seen to suffer, and nobody would be."""
UNMONITORED_STEPS: Steps = ((600.0, 4.75), (180.0, MODERATE))
"""Points by seconds: a note at first, P2 after three minutes, P1 after ten."""
MANY_UNMONITORED = 4.75
STALLED = "stalled"
"""The pattern of requests that come in and are not answered."""
_LOAD = {"latency", "first_token", "queueing", "decode", "traffic", "saturation"}
"""Families whose alarms may mean that requests take longer."""


@dataclass(frozen=True, slots=True)
class SizeParams:
    """Sizes from which an impact counts as small, large, or worst. Shares are of 1, growth is a factor.

    small_loss, large_loss, worst_loss: of quality. small_growth, large_growth: of latency over what was expected.
    small_errors, large_errors, outage: failed requests of all, as far as their counts prove it; so an outage of 90 % is
    one after about fifty requests. wide: of the traffic, from which on an impact is wide.
    """

    small_loss: float = 0.05
    large_loss: float = 0.15
    worst_loss: float = 0.5
    small_growth: float = 1.25
    large_growth: float = 2.0
    small_errors: float = 0.02
    large_errors: float = 0.1
    outage: float = 0.8
    wide: float = 0.3

    def __post_init__(self) -> None:
        for names in (
            ("small_loss", "large_loss", "worst_loss"), ("small_errors", "large_errors", "outage"), ("wide",),
        ):
            sizes = [getattr(self, name) for name in names]
            if not all(0 < size <= 1 for size in sizes) or sizes != sorted(sizes):
                raise ValueError(f"{', '.join(names)} are {sizes}, expected shares in (0, 1], in order")
        if not 1 < self.small_growth <= self.large_growth:
            raise ValueError(
                f"small_growth, large_growth are {self.small_growth}, {self.large_growth}, expected factors above 1, "
                "in order",
            )


@dataclass(frozen=True, slots=True)
class Impact:
    """One kind of impact. value: as measured, None where it is not. size, breadth: points for how bad and how many."""

    name: str
    value: float | None
    size: float
    breadth: float
    text: str

    @property
    def points(self) -> float:
        return self.size + self.breadth

    def factors(self, share: float, scope: str) -> tuple[Factor, Factor]:
        """The factors of the incident. share: of the traffic that is affected. scope: its name."""
        value = None if self.value is None else round(self.value, 3)
        return (
            Factor(self.name, value, self.size, self.text),
            Factor("breadth", scope, self.breadth, f"{scope} is hit, {share:.0%} of the traffic"),
        )


class Impacts:
    """The impacts of an episode on the part that is hit. share: of the service's traffic, 0..1."""

    def __init__(self, evidence: EvidenceTable, attribution: Attribution, params: SizeParams) -> None:
        self._params = params
        self._attribution = attribution
        self._evidence = evidence
        self._whole: dict[str, SeriesEvidence] = {}
        self._hit: dict[str, SeriesEvidence] = {}
        self._alarmed: set[str] = set()
        for (metric, scope), series in evidence.series.items():
            dimension = dimension_of(scope)
            if dimension is None:
                self._whole[metric] = series
            inside = dimension is None or getattr(scope, dimension) == attribution.value
            if dimension == attribution.dimension and inside:
                self._hit[metric] = series
            if series.alarms:
                self._alarmed.add(metric)
        self.share = self._share()
        self.breadth = self._breadth()

    def worst(self, pattern: str) -> Impact:
        """The impact with the most points. pattern: name of the category pattern, which may have an impact itself."""
        found = [*self._measured(), *self._of_pattern(pattern)]
        return max(found, key=lambda impact: (impact.points, impact.name)) if found else Impact(
            "deviation", None, MINOR, self.breadth, "nobody is seen to suffer from it",
        )

    def errors(self) -> float | None:
        """Share of all requests that fail beyond the expected share, as far as the counts prove it.

        None where no error metric alarmed.
        """
        shares = [one.sure_deviation for metric, one in self._whole.items() if self._alarmed_in(metric, "errors")]
        if not shares:
            own = [one.sure_deviation for metric, one in self._hit.items() if self._alarmed_in(metric, "errors")]
            shares = [deviation * self.share for deviation in own]
        return max(shares) if shares else None

    def _alarmed_in(self, metric: str, family: str) -> bool:
        return metric in self._alarmed and family_of(metric) == family

    def _share(self) -> float:
        """Share of the service's traffic, by samples. A part that sends nothing counts as large as its siblings."""
        if self._attribution.dimension is None:
            return 1.0
        both = [(self._hit[m].samples, self._whole[m].samples) for m in self._hit if m in self._whole and m != ABSENCE]
        mine, all_of_it = max(both, key=lambda pair: pair[1], default=(0, 0))
        if mine and all_of_it:
            return min(1.0, mine / all_of_it)
        siblings = {getattr(scope, self._attribution.dimension) for _, scope in self._evidence.series} - {None}
        return 1.0 / max(len(siblings), 1)

    def _breadth(self) -> float:
        """Points. A single tenant is narrow, however large it is. Other parts count by their share of the traffic."""
        if self._attribution.dimension == "tenant":
            return -0.5
        if self.share >= 0.9:
            return 2.0
        return 1.5 if self.share >= self._params.wide else 0.5

    def _measured(self) -> Iterator[Impact]:
        params, breadth = self._params, self.breadth
        loss = self._loss()
        if loss is not None:
            steps: Steps = ((params.worst_loss, 4.5), (params.large_loss, SIGNIFICANT), (params.small_loss, MODERATE))
            yield Impact("quality", loss, _points(loss, steps), breadth, f"{loss:.0%} of the quality is lost")
        growth = self._growth()
        if growth is not None and growth >= NOTICEABLE_GROWTH:
            steps = ((params.large_growth, SIGNIFICANT), (params.small_growth, MODERATE))
            text = f"requests take {growth:.2f} times as long"
            yield Impact("latency", growth, _points(growth, steps), breadth, text)
        errors = self.errors()
        if errors is not None:
            steps = ((params.outage, 6.5), (params.large_errors, 4.75), (params.small_errors, MODERATE))
            narrow = -0.75 if self._attribution.dimension == "tenant" else 0.0
            yield Impact("errors", errors, _points(errors, steps), narrow, f"{errors:.0%} of all requests fail")
        lost_s = self._unmonitored_s()
        if lost_s is not None:
            size, text = _points(lost_s, UNMONITORED_STEPS), f"not monitored for {lost_s:.0f} s"
            yield Impact(UNMONITORED, lost_s, size, 0.0, text)
        if SOURCE in self._hit and self._hit[SOURCE].alarms:
            yield Impact(UNMONITORED, None, MANY_UNMONITORED, 0.0, "perhaps all its services are down")
        if ABSENCE in self._hit and self._hit[ABSENCE].alarms:
            yield Impact("silence", self.share, self._lost(), 0.0, "nothing is heard any more")

    def _lost(self) -> float:
        """Points where all requests of the part are lost."""
        dimension = self._attribution.dimension
        return 6.5 if dimension is None else MODERATE if dimension == "tenant" else 4.75

    def _unmonitored_s(self) -> float | None:
        """For how long nobody has reported of the part; None where that is not the case."""
        series = self._hit.get(MONITORING)
        return None if series is None or not series.alarms else series.peak.end_s - series.peak.start_s

    def _loss(self) -> float | None:
        """Share of the quality that is lost, by metrics that are shares.

        Log-probabilities have no zero. Where they alone fell, the loss counts as small.
        """
        fell = [metric for metric in self._hit if self._alarmed_in(metric, "quality")]
        shares = [-self._hit[m].deviation for m in fell if (self._hit[m].peak.expected or -1.0) > 0.0]
        if shares:
            return max(shares)
        return self._params.small_loss if fell else None

    def _growth(self) -> float | None:
        """Growth of the latency as a factor; where none is reported, of its components up to the first token."""
        if _LOAD.isdisjoint(map(family_of, self._alarmed)):
            return None
        for families in (("latency",), ("decode", "first_token", "queueing")):
            found = [series.deviation for metric, series in self._hit.items() if family_of(metric) in families]
            if found:
                return 1.0 + max(found)
        return None

    def _of_pattern(self, pattern: str) -> Iterator[Impact]:
        if pattern == STALLED:
            yield Impact("stop", self.share, self._lost(), 0.0, "whoever asks gets no answer")
        known = PATTERN_IMPACTS.get(pattern)
        if known is not None:
            size, text = known
            yield Impact("kind", None, size, self.breadth, text)


PATTERN_IMPACTS: Mapping[str, tuple[float, str]] = {
    "breach": (7.0, "what got out cannot be taken back"),
    "attack": (2.75, "an attack, turned away so far"),
    "bad_input": (MODERATE, "inputs are wrong, and answers with them"),
    "lost_context": (2.75, "answers miss their context"),
    "cut_context": (MODERATE, "answers miss their context"),
    "context_overflow": (MODERATE, "one tenant's requests are not what they were"),
    "input_drift": (MODERATE, "one tenant's answers are not what they were"),
    "traffic_surge": (-4.25, "more traffic, a matter of planning while nobody suffers"),
    "perhaps_lost": (-4.25, "it may just have left"),
    "surge": (-4.25, "more traffic, a matter of planning while nobody suffers"),
    "saturated": (-4.25, "fuller than before, a matter of planning while nobody suffers"),
}
"""By pattern, the points and text of an impact that lies in the kind of incident, whatever else is measured."""


def _points(value: float, steps: Steps) -> float:
    return next((points for bar, points in steps if value >= bar), MINOR)

