"""Feedback for the learning tests: a small world in which an operator differs from the rules by one fact."""

from __future__ import annotations

import random
from collections.abc import Iterator

from classifiers.directives import Feedback
from classifiers.learning.features import ABOVE, Features
from classifiers.model import Category, Severity
from classifiers.verdict.hysteresis import SEVERITY_ORDER


def numbers(rules: Severity, tenant: bool = False, category: Category = "availability") -> Features:
    """What an incident was judged by: the rules' verdict and whether one tenant alone was hit."""
    found = {"bias": 1.0, f"category {category}": 1.0, "breadth tenant" if tenant else "breadth all": 1.0}
    return found | dict.fromkeys(ABOVE[: SEVERITY_ORDER.index(rules)], 1.0)


def feedback(
    number: int, severity: Severity | None = "P1", features: Features | None = None, category: Category | None = None,
    confirmed: bool = True,
) -> Feedback:
    """The number-th feedback, on an incident of its own."""
    return Feedback(
        f"f{number}", f"inc-{number}", "ana", 1000.0 + number, category, severity, confirmed,
        numbers("P2") if features is None else features,
    )


def stream(count: int, seed: int, worse_for_tenants: bool, first: int = 0) -> Iterator[Feedback]:
    """Feedbacks of an operator who agrees with the rules, or holds a tenant's trouble for one level worse."""
    dice = random.Random(seed)
    for number in range(first, first + count):
        rules: Severity = dice.choice(("P1", "P2", "P3"))
        tenant = dice.random() < 0.5
        level = SEVERITY_ORDER.index(rules) - (tenant and worse_for_tenants)
        yield feedback(number, SEVERITY_ORDER[level], numbers(rules, tenant))
