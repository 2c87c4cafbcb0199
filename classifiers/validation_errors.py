"""Errors of pydantic in the words of this project: the place, the value, and what was expected there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

SHOWN = 60
"""Characters of a wrong value that a message repeats."""
TEXT, WHOLE, NUMBER, TRUTH, LIST, OBJECT = "text", "a whole number", "a number", "true or false", "a list", "a mapping"
EXPECTED: Mapping[str, str] = {
    "missing": "this field",
    "extra_forbidden": "no such field", "unexpected_keyword_argument": "no such field",
    "string_type": TEXT, "string_unicode": TEXT, "string_sub_type": TEXT,
    "int_type": WHOLE, "int_parsing": WHOLE, "int_from_float": WHOLE, "int_parsing_size": "a smaller number",
    "float_type": NUMBER, "float_parsing": NUMBER, "finite_number": "a finite number",
    "bool_type": TRUTH, "bool_parsing": TRUTH,
    "list_type": LIST, "tuple_type": LIST, "set_type": LIST, "frozen_set_type": LIST, "iterable_type": LIST,
    "dict_type": OBJECT, "mapping_type": OBJECT, "model_type": OBJECT, "model_attributes_type": OBJECT,
    "dataclass_type": OBJECT, "dataclass_exact_type": OBJECT,
    "too_short": "at least one", "string_too_short": "some text", "none_required": "null",
}
BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def describe_first(error: ValidationError) -> str:
    """The first error as `place: value, expected something`."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(step) for step in first["loc"]) or "value"
    if first["type"] == "value_error":  # the message of a class of ours, with value and expectation
        return f"{place}: {first['msg'].removeprefix('Value error, ')}"
    found = "missing" if first["type"] == "missing" else shown(first["input"])
    return f"{place}: {found}, expected {expected(first)}"


def expected(details: ErrorDetails, unit: str = "") -> str:
    """What was expected. unit: of a bound. Messages of our own validators say what they expected themselves."""
    kind, context = details["type"], details.get("ctx", {})
    for name, words in BOUNDS.items():
        if name in context:
            return f"{words} {context[name]:g}{unit}"
    if kind == "literal_error":
        return one_of(details["input"], [quoted or bare for quoted, bare in _VALUES.findall(context["expected"])])
    if kind == "json_invalid":
        return f"JSON ({context['error']})"
    if kind in ("too_long", "string_too_long"):
        return f"at most {context['max_length']}"
    message = details["msg"].removeprefix("Value error, ")
    return EXPECTED.get(kind, message)


_VALUES = re.compile(r"'([^']*)'|\b(\d+)\b")


def one_of(value: object, names: list[str]) -> str:
    """One of these names, with the one that was probably meant.

    >>> one_of("otpl", ["native", "otlp"])
    'one of native, otlp (did you mean otlp?)'
    """
    if len(names) == 1:
        return names[0]
    return f"one of {', '.join(names)}{did_you_mean(str(value), names)}"


def did_you_mean(value: str, names: Iterable[str]) -> str:
    """The name that was probably meant, as the end of a message; empty where none is near.

    >>> did_you_mean("otpl", ["native", "otlp"]), did_you_mean("x", ["native"])
    (' (did you mean otlp?)', '')
    """
    near = get_close_matches(value, list(names), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""


def shown(value: object) -> str:
    """A wrong value as a message repeats it, shortened."""
    if isinstance(value, Mapping | list | tuple):
        return "a mapping" if isinstance(value, Mapping) else "a list"
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
