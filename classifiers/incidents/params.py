"""The operator's settings of triage: when alarms become an incident, what it relates to, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from classifiers.causes.assignment import CauseParams
from classifiers.incidents.dependencies import Dependency, DependencyMap
from classifiers.verdict.severity import SeverityParams


@dataclass(frozen=True, slots=True)
class TriageParams:
    """Seconds are event time.

    confirm_instants, confirm_samples: alarming windows of one metric, and samples behind them, needed within
    confirm_within_s to open. Silence has lasted for several windows when it alarms, and opens at once. sure_level:
    two series that reach this level together open at once. resolve_after_s: quiet time that ends an incident.
    accept_after_s: an incident that lasts longer is taken as the new normal and relearned. deploy_within_s: for how
    long a version counts as new. silent_after_s: quiet time that ends an incident whose scope sends nothing any
    more. reopen_within_s: an incident of the same kind and scope so soon after the last one reopens it.
    flap_openings: so many openings of a kind and scope within flap_within_s are one flapping incident, which ends
    after flap_hold_s of quiet. habit_repeat_interval_s: a habit that is known is told once in so long, while it is
    no more than that; 0 tells it each time. dependencies: which services depend on which; an effect is inhibited
    until inhibit_hold_s after its cause ended. onset_slack_s: error of an onset whose error is unknown.
    concentration_min: how far ahead (0..1) a replica, tenant or version must be to stand out. evidence_max: alarms
    published per incident.
    """

    confirm_instants: int = 2
    confirm_within_s: float = 3.0
    confirm_samples: int = 2
    sure_level: float = 2.0
    resolve_after_s: float = 8.0
    accept_after_s: float = 1800.0
    deploy_within_s: float = 1800.0
    silent_after_s: float = 60.0
    reopen_within_s: float = 1800.0
    flap_openings: int = 4
    flap_within_s: float = 900.0
    flap_hold_s: float = 120.0
    habit_repeat_interval_s: float = 86_400.0
    inhibit_hold_s: float = 30.0
    onset_slack_s: float = 5.0
    concentration_min: float = 0.8
    evidence_max: int = 12
    dependencies: tuple[Dependency, ...] = ()
    causes: CauseParams = field(default_factory=CauseParams)
    severity: SeverityParams = field(default_factory=SeverityParams)

    def patience_s(self, usual_s: float, window_s: float) -> float:
        """The time within which metrics with windows of `window_s` should have reported again.

        That is three of their windows, less the half window by which they may be early, and at least `usual_s`.
        """
        return max(usual_s, 2.5 * window_s)

    def __post_init__(self) -> None:
        for name, least in (("confirm_instants", 1), ("confirm_samples", 1), ("flap_openings", 2), ("evidence_max", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least {least}")
        for name in ("confirm_within_s", "sure_level", "resolve_after_s", "accept_after_s", "deploy_within_s",
                     "silent_after_s", "reopen_within_s", "flap_within_s", "flap_hold_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected more than 0")
        for name in ("habit_repeat_interval_s", "inhibit_hold_s", "onset_slack_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")
        if not 0 < self.concentration_min <= 1:
            raise ValueError(f"concentration_min is {self.concentration_min}, expected a share in (0, 1]")
        DependencyMap(self.dependencies)
