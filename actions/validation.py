"""Range checks of parameter values."""

from __future__ import annotations


def check_number(params: object, name: str, low: float, high: float) -> None:
    """Refuse a field that is not a finite number in [low, high]: `ValueError` naming class, field, value, expected."""
    value = getattr(params, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{type(params).__name__}.{name}: {value!r}, expected a number from {low:g} to {high:g}")
