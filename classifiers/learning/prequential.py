"""The record of the advisor beside the rules: on each confirmed incident both answer before either may learn from it.

Kept over the last `window` incidents and per class. From it follows whether the advisor may be believed.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, fields
from math import inf, isfinite, log

from scipy.special import betaincc, betaln


@dataclass(frozen=True, slots=True)
class LearningParams:
    """When what is learned may be used. Raises `ValueError` naming the field.

    min_incidents: confirmed ones on record before it is trusted. margin: the share, 0 to 1, by which it must be right
    more often than the rules. risk: the chance of trusting one that is no better. window: incidents on record.
    fallback_losses: it is no longer trusted when it has lost so many more than won since its best.
    """

    min_incidents: int = 30
    margin: float = 0.1
    risk: float = 0.05
    window: int = 200
    fallback_losses: int = 5

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isfinite(value) or value <= 0 or (field.name in ("margin", "risk") and value >= 1):
                wanted = "a share in (0, 1)" if field.name in ("margin", "risk") else "at least 1"
                raise ValueError(f"{field.name} is {value}, expected {wanted}")
        if self.window < self.min_incidents:
            raise ValueError(f"window is {self.window}, expected at least min_incidents ({self.min_incidents})")


@dataclass(frozen=True, slots=True)
class Trial:
    """One confirmed incident: what it was, what the rules had said, and what the advisor had."""

    incident_id: str
    truth: str
    rules: str
    advice: str

    @property
    def gain(self) -> int:
        """1 where the advisor alone was right, -1 where the rules alone were, else 0."""
        return (self.advice == self.truth) - (self.rules == self.truth)


@dataclass(frozen=True, slots=True)
class Tallied:
    """How often each was right, of `count` incidents."""

    count: int
    advisor: int
    rules: int

    def __str__(self) -> str:
        if not self.count:
            return "no incidents on record"
        return f"right on {self.advisor / self.count:.0%} of {self.count} incidents, the rules on " \
               f"{self.rules / self.count:.0%}"


class Record:
    """The trials of one question, severity or category, and whether they earn trust.

    Trust is won by `margin` over `min_incidents`, and by a mixture of likelihood ratios that exceeds 1 / `risk`: a test
    that may be looked at after every incident [1]. It is lost, and the record begins anew, when losses outnumber wins
    by `fallback_losses` since the best so far (Page's CUSUM), or over the whole window.

    [1] Ville's inequality; Robbins: Statistical methods related to the law of the iterated logarithm. 1970.
    """

    def __init__(self, params: LearningParams) -> None:
        self._params = params
        self.trials: deque[Trial] = deque(maxlen=params.window)
        self.trusted = False
        self.slump = 0
        """Losses less wins since the best so far, while trusted."""
        self.overall = Tallied(0, 0, 0)
        """Over all on record."""
        self._gained: Counter[str] = Counter()

    def __contains__(self, incident_id: object) -> bool:
        return any(trial.incident_id == incident_id for trial in self.trials)

    def note(self, trial: Trial) -> None:
        """Take one trial and judge again."""
        self.trials.append(trial)
        gains = [one.gain for one in self.trials]
        wins, losses = gains.count(1), gains.count(-1)
        if self.trusted:
            self.slump = max(0, self.slump - trial.gain)
            if self.slump >= self._params.fallback_losses or wins <= losses:
                self.trusted, self.slump = False, 0
                self.trials.clear()
        elif len(gains) >= self._params.min_incidents and wins - losses >= self._params.margin * len(gains):
            self.trusted = log_evidence(wins, losses) >= -log(self._params.risk)
        self._sum_up()

    def by_class(self) -> dict[str, Tallied]:
        """By what the incidents were, in order of name."""
        truths = sorted({trial.truth for trial in self.trials})
        return {truth: _tallied([trial for trial in self.trials if trial.truth == truth]) for truth in truths}

    def gained(self, rules: str) -> int:
        """Wins less losses where the rules had said this."""
        return self._gained[rules]

    def restore(self, trials: Iterable[Trial], trusted: bool, slump: int) -> None:
        """As it was before a restart."""
        self.trials.extend(trials)
        self.trusted, self.slump = trusted, slump
        self._sum_up()

    def _sum_up(self) -> None:
        """Asked for far more often than it changes."""
        self.overall = _tallied(self.trials)
        self._gained.clear()
        for trial in self.trials:
            self._gained[trial.rules] += trial.gain


def log_evidence(wins: int, losses: int) -> float:
    """The logarithm of how much likelier the trials are if the advisor is better than if it is not.

    Of the incidents on which one alone was right, the advisor wins half if it is no better. The alternative is every
    share from one half to one alike. Under the null hypothesis this exceeds log(x) at any time with chance 1 / x.

    >>> log_evidence(7, 0) > log(20) > log_evidence(6, 0)
    True
    """
    upper = float(betaincc(wins + 1, losses + 1, 0.5))
    if upper <= 0.0:
        return -inf
    return (wins + losses + 1) * log(2.0) + float(betaln(wins + 1, losses + 1)) + log(upper)


def _tallied(trials: Iterable[Trial]) -> Tallied:
    found = list(trials)
    return Tallied(
        len(found), sum(one.advice == one.truth for one in found), sum(one.rules == one.truth for one in found),
    )
