"""Prequential evaluation of the advisor against the rules: both predict each confirmed incident before it is learned.

The record covers the last `window` incidents, in total and per class. It decides whether the advisor is trusted.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, fields
from math import inf, isfinite, log


@dataclass(frozen=True, slots=True)
class LearningParams:
    """When the advisor is trusted. Raises `ValueError` naming the field.

    min_incidents: confirmed incidents on record before it can be trusted. margin: the share, 0 to 1, by which it must
    be right more often than the rules. risk: the probability of trusting an advisor that is no better than the rules.
    window: incidents on record. fallback_losses: trust is lost at so many net losses since the best so far.
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
    """One confirmed incident: the true class, the rules' prediction and the advisor's."""

    incident_id: str
    truth: str
    rules: str
    advice: str

    @property
    def gain(self) -> int:
        """1 for a win (the advisor alone was right), -1 for a loss (the rules alone were), else 0."""
        return (self.advice == self.truth) - (self.rules == self.truth)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How often the advisor and the rules were right, of `count` incidents."""

    count: int
    advisor: int
    rules: int

    def __str__(self) -> str:
        if not self.count:
            return "no incidents on record"
        return f"right on {self.advisor / self.count:.0%} of {self.count} incidents, the rules on " \
               f"{self.rules / self.count:.0%}"


class PrequentialRecord:
    """The trials of one target, severity or category, and whether the advisor is trusted.

    Trust needs `min_incidents`, the `margin`, and a mixture likelihood ratio above 1 / `risk`. That is a sequential
    test, valid after every incident [1]. Trust is lost, and the record is emptied, at `fallback_losses` net losses
    since the best so far (Page's CUSUM), or when wins do not outnumber losses over the window.

    [1] Ville's inequality; Robbins: Statistical methods related to the law of the iterated logarithm. 1970.
    """

    def __init__(self, params: LearningParams) -> None:
        self._params = params
        self.trials: deque[Trial] = deque(maxlen=params.window)
        self.trusted = False
        self.net_losses = 0
        """Losses less wins since the best so far, while trusted."""
        self.overall = Accuracy(0, 0, 0)
        """Over all trials on record."""
        self._net_wins: Counter[str] = Counter()

    def __contains__(self, incident_id: object) -> bool:
        return any(trial.incident_id == incident_id for trial in self.trials)

    def add(self, trial: Trial) -> None:
        """Add one trial and update the trust."""
        self.trials.append(trial)
        gains = [one.gain for one in self.trials]
        wins, losses = gains.count(1), gains.count(-1)
        if self.trusted:
            self.net_losses = max(0, self.net_losses - trial.gain)
            if self.net_losses >= self._params.fallback_losses or wins <= losses:
                self.trusted, self.net_losses = False, 0
                self.trials.clear()
        elif len(gains) >= self._params.min_incidents and wins - losses >= self._params.margin * len(gains):
            self.trusted = log_evidence(wins, losses) >= -log(self._params.risk)
        self._sum_up()

    def by_class(self) -> dict[str, Accuracy]:
        """The accuracy by true class, in order of name."""
        truths = sorted({trial.truth for trial in self.trials})
        return {truth: _accuracy([trial for trial in self.trials if trial.truth == truth]) for truth in truths}

    def net_wins(self, rules: str) -> int:
        """Wins less losses where the rules predicted this."""
        return self._net_wins[rules]

    def restore(self, trials: Iterable[Trial], trusted: bool, net_losses: int) -> None:
        """Restore the record of a snapshot."""
        self.trials.extend(trials)
        self.trusted, self.net_losses = trusted, net_losses
        self._sum_up()

    def _sum_up(self) -> None:
        """The sums are kept because they are read far more often than they change."""
        self.overall = _accuracy(self.trials)
        self._net_wins.clear()
        for trial in self.trials:
            self._net_wins[trial.rules] += trial.gain


def log_evidence(wins: int, losses: int) -> float:
    """The logarithm of the likelihood ratio of the trials: the advisor is better, against it is no better.

    Only incidents on which one alone was right count. Under the null hypothesis the advisor wins half of them. The
    alternative is a uniform mixture of win rates from one half to one. Under the null hypothesis this exceeds log(x) at
    any time with a probability of at most 1 / x.

    >>> log_evidence(7, 0) > log(20) > log_evidence(6, 0)
    True
    """
    from scipy.special import betaincc, betaln  # here: reading a configuration does not wait for scipy

    upper = float(betaincc(wins + 1, losses + 1, 0.5))
    if upper <= 0.0:
        return -inf
    return (wins + losses + 1) * log(2.0) + float(betaln(wins + 1, losses + 1)) + log(upper)


def _accuracy(trials: Iterable[Trial]) -> Accuracy:
    found = list(trials)
    return Accuracy(
        len(found), sum(one.advice == one.truth for one in found), sum(one.rules == one.truth for one in found),
    )
