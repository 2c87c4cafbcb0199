"""The sections `people` and `signing`, and the executor's allow-list: mistakes are named with their place."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.trust.key_files import write_private
from actions.trust.keys import public_text
from actions.trust.roles import MAY, may, roles_that_may
from config import ConfigError, examine, written
from config.executor.allow_file import read_allow_file
from config.trust.build import directory_of, ring_of
from streams.trust.authenticity import Authenticity
from streams.trust.setup import gate_of, http_ok_hosts
from tests.config.texts import load_text, problems

KEYS = [public_text(Ed25519PrivateKey.generate().public_key()) for _ in range(3)]
WHOLE = f"""\
version: 1
people:
  anna: {{roles: [approver, commander], keys: [{{id: anna-1, public: "{KEYS[0]}", until: 2027-06-01}}], slack: T01/U7A}}
  ben: {{roles: responder, token_sha256: {"0f" * 32}, mail: ben@example.com}}
  chi: {{roles: "responder, approver", jwt_sub: chi@example.com}}
services: [{{match: "chat*", tier: 1, owners: [anna, chi]}}]
signing:
  keys:
    - {{id: w1, for: watch, public: "{KEYS[1]}", until: "2027-01-01T00:00:00+01:00"}}
    - {{id: w2, for: [watch, execute], public: "{KEYS[2]}", from: 2026-12-01}}
"""
FAULTS = f"""\
version: 1
people:
  anna: {{roles: [aprover], keys: [{{id: k, public: "ed25519:Yx8="}}], slack: "@anna"}}
  ben: {{roles: [], token_sha256: 9f86d0, mail: ben}}
signing:
  keys:
    - {{id: w1, for: gateway, public: "{KEYS[0]}", until: soon}}
  unsigned: maybe
"""
REPEATED = f"""\
version: 1
people:
  anna: {{roles: [approver], keys: [{{id: k, public: "{KEYS[0]}"}}], slack: T01/U7A}}
  ben: {{roles: [approver], keys: [{{id: k2, public: "{KEYS[0]}"}}], slack: T01/U7A}}
services: [{{match: "*", tier: 2, owners: [anna, bne]}}]
signing:
  private_file: /nowhere/tocsin.key
  keys:
    - {{id: k, for: watch, public: "{KEYS[1]}"}}
"""


def test_people_keys_and_owners_are_read(tmp_path: Path) -> None:
    config = load_text(tmp_path, WHOLE)
    keys = {key.id: (key.person, sorted(key.uses), key.until_s) for key in ring_of(config.people, config.signing).keys}
    assert keys == {
        "w1": (None, ["watch"], 1798758000.0), "w2": (None, ["execute", "watch"], float("inf")),
        "anna-1": ("anna", ["person"], 1811808000.0),
    }
    assert (config.owners_of("chat-eu"), config.owners_of("search")) == (("anna", "chi"), ())
    assert written(config)["signing"]["keys"][0]["for"] == ["watch"]  # type: ignore[index]


def test_a_key_that_names_a_role_as_before_is_one_of_that_role(tmp_path: Path) -> None:
    before = WHOLE.replace("for: [watch, execute]", "for: [worker, executor]").replace("for: watch", "for: worker")
    assert before != WHOLE
    assert load_text(tmp_path, before).signing == load_text(tmp_path, WHOLE).signing


def test_who_does_not_own_a_service_has_no_role_there(tmp_path: Path) -> None:
    config = load_text(tmp_path, WHOLE)
    people = directory_of(config.people, config.owners_of)
    assert (people.may("ben", "resolve", "chat-eu"), people.may("ben", "resolve", "search")) == (False, True)
    assert (people.may("chi", "approve", "chat-eu"), people.may("dora", "read", "search")) == (True, False)


def test_a_person_is_known_by_token_subject_or_slack_user_and_by_no_name(tmp_path: Path) -> None:
    token = "a token of ben"
    text = WHOLE.replace("0f" * 32, hashlib.sha256(token.encode()).hexdigest())
    people = directory_of(load_text(tmp_path, text).people, lambda _: ())
    assert (people.of_slack("T01/U7A"), people.of_slack("anna"), people.of_slack("T02/U7A")) == ("anna", None, None)
    assert (people.of_jwt_sub("chi@example.com"), people.of_jwt_sub("chi")) == ("chi", None)
    assert (people.of_token(token), people.of_token("another"), people.of_token("")) == ("ben", None, None)


def test_mistakes_in_people_and_keys_are_named_with_their_place(tmp_path: Path) -> None:
    assert [text.partition(", expected")[0] for text in problems(tmp_path, FAULTS)] == [
        ":3: people.anna.keys[0].public: got 'ed25519:Yx8='", ":3: people.anna.roles[0]: got 'aprover'",
        ":3: people.anna.slack: got '@anna'", ":4: people.ben.mail: got 'ben'", ":4: people.ben.roles: got a list",
        ":4: people.ben.token_sha256: got '9f86d0'", ":7: signing.keys[0].for: got 'gateway'",
        ":7: signing.keys[0].until: got 'soon'", ":8: signing.unsigned: got 'maybe'",
    ]


def test_two_people_known_by_the_same_and_owners_who_are_nobody_are_mistakes(tmp_path: Path) -> None:
    found = problems(tmp_path, REPEATED)
    assert [text.partition(", expected")[0] for text in found] == [
        f":4: people.ben.keys[0].public: got '{KEYS[0]}'", ":4: people.ben.slack: got 'T01/U7A'",
        ":5: services[0].owners[1]: got 'bne'", ":7: signing.private_file: got '/nowhere/tocsin.key'",
        ":9: signing.keys[0].id: got 'k'",
    ]
    assert found[3].endswith("expected a readable file (No such file or directory)")


def test_a_private_file_of_no_known_key_is_a_mistake_that_shows_the_public_part_alone(tmp_path: Path) -> None:
    file = tmp_path / "w.key"
    public = public_text(write_private(file).public_key())
    text = WHOLE.replace("signing:\n", f"signing:\n  private_file: {file}\n")
    (found,) = problems(tmp_path, text)
    assert found.endswith(f"expected the private part of one of signing.keys (its public part is {public})")


@pytest.mark.parametrize(("text", "place"), [
    ("playbooks: [{name: a, version: 1, match: {}, mode: auto, steps: [{kind: throttle, target: x}]}]",
     "playbooks[0].steps[0].kind"),
    ("signing: {unsigned: accept}", "signing.unsigned"),
    (f'signing: {{keys: [{{id: w, for: watch, public: "{KEYS[0]}"}}]}}', "signing.private_file"),
])
def test_what_is_not_signed_is_warned_of(tmp_path: Path, text: str, place: str) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(f"version: 1\nactions: {{throttle: {{url: 'http://127.0.0.1/{{target}}'}}}}\n{text}\n")
    warnings = examine(site, {})[1]
    assert place in [warning.path for warning in warnings]


def test_every_verb_is_allowed_to_some_role_and_no_viewer_changes_anything() -> None:
    assert MAY["viewer"] == {"read"}
    assert roles_that_may("break_glass") == roles_that_may("withdraw") == ("commander",)
    assert (may(["responder"], "approve"), may(["viewer", "approver"], "approve")) == (False, True)


def test_the_allow_list_is_read_and_its_mistakes_are_named_with_their_place(tmp_path: Path) -> None:
    file = tmp_path / "allow.yaml"
    file.write_text(
        "version: 1\nallow:\n  - {kind: throttle, targets: [\"chat/*\"], params: {factor: {min: 0.2}}}\n"
        "  - {kind: rollback, approval: {roles: [approver], count: 2, expires_after: 5m}}\n",
    )
    throttle, rollback = read_allow_file(file).lines
    assert read_allow_file(file).http_ok_hosts is None
    assert throttle.params is not None
    assert (throttle.targets, throttle.params["factor"].min) == (("chat/*",), 0.2)
    assert rollback.approval is not None
    assert (rollback.approval.count, rollback.approval.expires_after_s) == (2, 300.0)
    lines = "  - {kind: throttle, tragets: []}\n  - {kind: throttle, params: {f: {min: 2, max: 1}}}\n"
    file.write_text(f"version: 1\nallow:\n{lines}")
    with pytest.raises(ConfigError) as raised:
        read_allow_file(file)
    assert [str(problem).removeprefix(str(file)) for problem in raised.value.problems] == [
        ":3: allow[0]: got the unknown setting 'tragets', expected targets (did you mean that?)",
        ":4: allow[1].params.f.min: got 2.0, expected at most max (1.0)",
    ]
    file.write_text("version: 1\nallow:\n  - {kind: throtle}\n  - {kind: throttle, approval: {roles: [aprover]}}\n")
    with pytest.raises(ConfigError) as raised:
        read_allow_file(file)
    kind, role = (str(problem).removeprefix(str(file)) for problem in raised.value.problems)
    assert kind.startswith(":3: allow[0].kind: got 'throtle', expected one of the kinds of action: ")
    assert kind.endswith("(did you mean throttle?)")
    assert role.startswith(":4: allow[1].approval.roles[0]: got 'aprover', expected one of the roles: viewer, ")


def test_the_hosts_that_the_executor_may_ask_are_those_of_its_own_file_its_section_or_its_actions(
    tmp_path: Path,
) -> None:
    file = tmp_path / "allow.yaml"
    actions = "actions: {circuit_breaker: {url: 'http://gateway:9901/{target}'}}\n"
    section = "executor: {{allow_file: {}, http_ok_hosts: {}}}\n"
    for allowed, configured, expected in (
        ("http_ok_hosts: [own, '[::1]:80']\n", "[other]", ("own", "[::1]:80")), ("http_ok_hosts: []\n", "[other]", ()),
        ("", "[other]", ("other",)), ("", "[]", ()), ("", "null", frozenset({"gateway"})),
    ):
        file.write_text("version: 1\nallow: [{kind: throttle}]\n" + allowed)
        config = load_text(tmp_path, "version: 1\n" + actions + section.format(file, configured))
        gate = gate_of(config, Authenticity(ring_of(config.people, config.signing), "s"))
        assert http_ok_hosts(config, gate) == expected


def test_a_host_that_is_a_url_is_named_with_its_place(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "version: 1\nexecutor: {http_ok_hosts: ['http://gateway/']}\n")
    assert "executor.http_ok_hosts[0]: got 'http://gateway/', expected a host name or address" in problem
