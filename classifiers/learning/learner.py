"""Models of severity and category, learned from confirmed incidents: river's softmax regressions.

Severity is ordinal. One binary model for each step predicts whether the incident is milder than that step; the severity
is the number of steps that are exceeded, which is the median of the joint prediction [1]. The initial weights predict
what the rules say, so that the first feedbacks correct the rules instead of rediscovering them.

[1] Frank and Hall: A simple approach to ordinal classification. ECML 2001.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import isfinite

from river.linear_model import SoftmaxRegression
from river.optim import SGD

from classifiers.learning.features import ABOVE, CATEGORIES, CATEGORY, Features, Weights
from classifiers.model import Category, Severity
from classifiers.verdict.hysteresis import SEVERITY_ORDER

MILDER, NOT_MILDER = "milder", "not milder"
RATE = 0.1
SHRINK = 0.001
PRIOR = 1.0
"""Initial weight of the rules. About five contradicting feedbacks outweigh it."""
MAX_NAMES = 400
"""Features with a weight; further ones are ignored."""


class Learner:
    """The models. Deterministic: the same examples in the same order give the same predictions, also over a restart.

    `learn` takes about 0.4 ms, `severity` and `category` 0.1 ms.
    """

    def __init__(self) -> None:
        self._steps = [_model((MILDER, NOT_MILDER), prior) for prior in map(_step_prior, ABOVE)]
        self._category = _model(CATEGORIES, {category: {f"{CATEGORY}{category}": PRIOR} for category in CATEGORIES})
        self._names: set[str] = set()

    def severity(self, numbers: Features) -> Severity:
        """The predicted severity."""
        return SEVERITY_ORDER[sum(_best(model, numbers) == MILDER for model in self._steps)]

    def category(self, numbers: Features) -> Category:
        """The predicted category."""
        return next(known for known in CATEGORIES if known == _best(self._category, numbers))

    def learn(self, numbers: Features, severity: Severity | None, category: Category | None) -> None:
        """Learn from one confirmed incident; severity and category are None where the feedback has none."""
        known = self._known(numbers)
        if severity is not None:
            for step, model in enumerate(self._steps):
                model.learn_one(known, MILDER if SEVERITY_ORDER.index(severity) > step else NOT_MILDER)  # type: ignore[no-untyped-call]
        if category is not None:
            self._category.learn_one(known, category)  # type: ignore[no-untyped-call]

    def dump(self) -> list[Weights]:
        """The weights by model, class and feature, as JSON values."""
        return [
            {label: dict(weights) for label, weights in model.weights.items()}
            for model in (*self._steps, self._category)
        ]

    def load(self, data: Iterable[Weights]) -> None:
        """Restore a dump. Raises `ValueError` when it is not one."""
        for model, dumped in zip((*self._steps, self._category), data, strict=True):
            if list(dumped) != list(model.weights):
                raise ValueError(f"learned weights of {sorted(dumped)}, expected {sorted(model.weights)}")
            for label, weights in dumped.items():
                if not all(map(isfinite, weights.values())):
                    raise ValueError(f"learned weights of {label!r} hold a number that is not finite")
                model.weights[label] = defaultdict(float, weights)
                self._names.update(weights)

    def _known(self, numbers: Features) -> Features:
        """The features within the bound. Their names come from outside, so they are bounded."""
        for name in numbers:
            if len(self._names) < MAX_NAMES:
                self._names.add(name)
        return {name: value for name, value in numbers.items() if name in self._names}


def _step_prior(above: str) -> Weights:
    return {
        MILDER: {above: PRIOR, "bias": -PRIOR / 2.0},
        NOT_MILDER: {above: -PRIOR, "bias": PRIOR / 2.0},
    }


def _model(labels: Iterable[str], prior: Mapping[str, Mapping[str, float]]) -> SoftmaxRegression:
    model = SoftmaxRegression(optimizer=SGD(RATE), l2=SHRINK)
    for label in labels:
        model.weights[label] = defaultdict(float, prior[label])
    return model


def _best(model: SoftmaxRegression, numbers: Features) -> str:
    """The most probable class, the first one of equals."""
    likely: dict[str, float] = model.predict_proba_one(numbers)  # type: ignore[no-untyped-call]
    return max(likely, key=lambda label: likely[label])
