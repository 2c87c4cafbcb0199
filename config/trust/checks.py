"""Mistakes about people and keys that show only across settings, and what an operator should be warned of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from actions.model import HARMLESS
from actions.trust.key_files import KeyFileError, exposed, read_private
from actions.trust.keys import public_text
from config.errors import Problem
from config.source import Node, Path, as_list, as_mapping, problem_at

IDENTITIES = ("slack", "token_sha256", "jwt_sub")
"""Settings of a person by which a request is known to be theirs, so no two people may have the same."""


def mistaken_people(written: Mapping[str, Any], tree: Node) -> Iterator[Problem]:
    """Two people known by the same, and two keys of one id or public part."""
    people = as_mapping(written.get("people"))
    for setting in IDENTITIES:
        known: dict[object, str] = {}
        for name, person in people.items():
            found = as_mapping(person).get(setting)
            if found is not None and found in known:
                expected = f"one that nobody else has ({known[found]} has this one)"
                yield problem_at(tree, ("people", name, setting), repr(found), expected)
            known.setdefault(found, name)
    for place, field, value, other in _repeated_keys(written):
        yield problem_at(tree, (*place, field), repr(value), f"one that no other key has ({other} has this one)")


def mistaken_private_file(written: Mapping[str, Any], tree: Node) -> Iterator[Problem]:
    """A private file that cannot be read, or whose public part is not among the keys of processes."""
    signing = as_mapping(written.get("signing"))
    file = signing.get("private_file")
    if not isinstance(file, str):
        return
    place: Path = ("signing", "private_file")
    try:
        public = public_text(read_private(FilePath(file)).public_key())
    except OSError as error:
        yield problem_at(tree, place, repr(file), f"a readable file ({error.strerror})")
    except KeyFileError:
        yield problem_at(tree, place, repr(file), "a private key of Ed25519 in PEM, as `tocsin key new` writes it")
    else:
        if public not in [as_mapping(key).get("public") for key in as_list(signing.get("keys"))]:
            expected = f"the private part of one of signing.keys (its public part is {public})"
            yield problem_at(tree, place, repr(file), expected)


def unwise_signing(written: Mapping[str, Any], tree: Node) -> Iterator[Problem]:
    """Keys that others can read, actions that nobody signs, and an executor that acts on what is unsigned."""
    signing = as_mapping(written.get("signing"))
    file = signing.get("private_file")
    if isinstance(file, str) and (warning := exposed(FilePath(file))) is not None:
        yield problem_at(tree, ("signing", "private_file"), warning.partition(", expected ")[0], "mode 0600")
    if as_list(signing.get("keys")):
        if not isinstance(file, str):
            yield problem_at(tree, ("signing", "private_file"), "null", "the private key of this process, if it signs")
    elif signing.get("unsigned") == "accept":
        expected = "signing.keys, or whoever can write to the topic of actions acts on your systems"
        yield problem_at(tree, ("signing", "unsigned"), "'accept' without keys", expected)
    else:
        for place, kind in _acting_steps(written):
            expected = "signing.keys (`tocsin key new`) or signing.unsigned: accept; without, it is refused"
            yield problem_at(tree, place, f"{kind!r} in mode auto, and nothing is signed", expected)


def _acting_steps(written: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """The steps that change something by themselves, where this process executes."""
    if as_mapping(written.get("executor")).get("enabled") is False:
        return
    for index, book in enumerate(as_list(written.get("playbooks"))):
        for number, step in enumerate(map(as_mapping, as_list(as_mapping(book).get("steps")))):
            name = "kind" if "kind" in step else "action"
            kind, mode = step.get(name), step.get("mode", as_mapping(book).get("mode"))
            if isinstance(kind, str) and kind not in HARMLESS and mode == "auto":
                yield ("playbooks", index, "steps", number, name), kind


def _repeated_keys(written: Mapping[str, Any]) -> Iterator[tuple[Path, str, object, str]]:
    keys: list[tuple[Path, Mapping[str, Any]]] = [
        (("people", name, "keys", index), as_mapping(key))
        for name, person in as_mapping(written.get("people")).items()
        for index, key in enumerate(as_list(as_mapping(person).get("keys")))
    ]
    own = as_list(as_mapping(written.get("signing")).get("keys"))
    keys += [(("signing", "keys", index), as_mapping(key)) for index, key in enumerate(own)]
    for field in ("id", "public"):
        known: dict[object, str] = {}
        for place, key in keys:
            value = key.get(field)
            if value is not None and value in known:
                yield place, field, value, known[value]
            known.setdefault(value, ".".join(map(str, place)))
