"""Nothing that was released is broken without a new version: `streams/contracts/released` against the code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from streams import contracts
from streams.contracts.catalogue import CATALOGUE
from streams.contracts.compatible import breaks
from streams.contracts.schemas import Schema, schema_of

FOLDER = Path(contracts.__file__).parent / "released"
RELEASED = sorted(FOLDER.glob("*.json"))


def unkept(released: Schema, current: Mapping[str, Schema]) -> list[str]:
    """What the code breaks of a released schema; nothing when its type has a later version by now."""
    name, version = released["title"].removeprefix("tocsin.").rsplit(".v", 1)
    if name not in current:
        return [f"{name}: the type is gone"]
    now = int(current[name]["title"].rsplit(".v", 1)[1])
    if now < int(version):
        return [f"{name}: version {now}, released is {version}"]
    return [] if now > int(version) else breaks(released, current[name])


def current() -> dict[str, Schema]:
    return {name: schema_of(kind) for name, kind in CATALOGUE.items()}


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: file.stem)
def test_what_was_released_is_kept_or_has_a_new_version(file: Path) -> None:
    """If not: raise the type's version in `streams/contracts/catalogue.py`, or change less."""
    assert unkept(orjson.loads(file.read_bytes()), current()) == []


def test_everything_that_is_read_by_others_was_released() -> None:
    assert {file.name.split(".v")[0] for file in RELEASED} >= {"incident", "action", "outcome", "audit", "record"}


def test_a_break_is_reported_until_the_version_is_raised() -> None:
    released, now = current()["audit"], current()
    del now["audit"]["properties"]["reason"]
    assert "value.reason: is gone" in unkept(released, now)
    now["audit"]["title"] = "tocsin.audit.v2"
    assert unkept(released, now) == []


def test_a_type_that_is_removed_or_has_a_lower_version_is_reported() -> None:
    now = current()
    later = {**now["audit"], "title": "tocsin.audit.v2"}
    assert unkept(later, now) == ["audit: version 1, released is 2"]
    assert unkept({**later, "title": "tocsin.control.gone.v1"}, now) == ["control.gone: the type is gone"]
