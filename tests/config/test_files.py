"""A relative path in a configuration counts from the folder of its file, wherever the process was started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from actions.trust.key_files import write_private
from actions.trust.keys import public_text
from config import Config, load
from config.files import FILES
from config.substitute import is_secret

SITE = """\
kafka: {{security: {{tls: true, cafile: ca.pem, certfile: own.pem, keyfile: own.key}}}}
signing: {{private_file: keys/w1.key, keys: [{{id: w1, for: watch, public: "{public}"}}]}}
respond: {{key_file: anna.pem, comparisons: recordings}}
executor: {{allow_file: allow.yaml}}
audiences: {{technical: {{templates: {{open: open.txt}}}}}}
labels: {{hashed: [tenant], secret_file: secrets/labels}}
actions:
  quarantine: {{topics: [a], quarantine_topic: b, schema_file: schema.json}}
  preserve_evidence: {{folder: evidence}}
  feature_flag: {{path: flags.json}}
  scale: {{namespace: a, name: b, max_replicas: 3, cluster: {{bearer_file: token, ca_file: cluster.crt}}}}
"""


def site(folder: Path) -> Config:
    """The configuration in a folder, with the files that are read while it is loaded."""
    for name in ("keys", "secrets"):
        (folder / name).mkdir(parents=True)
    public = public_text(write_private(folder / "keys" / "w1.key").public_key())
    (folder / "open.txt").write_text("{{ title }}")
    (folder / "secrets" / "labels").write_text("a secret of enough letters\n")
    (folder / "site.yaml").write_text(SITE.format(public=public))
    return load(folder / "site.yaml", {})


def at(config: object, path: str) -> object:
    for step in path.split("."):
        name = f"{step}_" if hasattr(config, f"{step}_") else step
        config = config[step] if isinstance(config, Mapping) else getattr(config, name)
    return config


@pytest.mark.parametrize(("path", "file"), [
    ("kafka.security.cafile", "ca.pem"), ("kafka.security.certfile", "own.pem"), ("kafka.security.keyfile", "own.key"),
    ("signing.private_file", "keys/w1.key"), ("respond.key_file", "anna.pem"), ("respond.comparisons", "recordings"),
    ("executor.allow_file", "allow.yaml"), ("audiences.technical.templates.open", "open.txt"),
    ("actions.quarantine.schema_file", "schema.json"), ("actions.preserve_evidence.folder", "evidence"),
    ("actions.feature_flag.path", "flags.json"), ("actions.scale.cluster.bearer_file", "token"),
    ("actions.scale.cluster.ca_file", "cluster.crt"),
])
def test_each_path_counts_from_the_folder_of_the_file(tmp_path: Path, path: str, file: str) -> None:
    assert at(site(tmp_path / "etc"), path) == str(tmp_path / "etc" / file)


def test_a_secret_is_read_from_beside_the_file(tmp_path: Path) -> None:
    secret = site(tmp_path / "etc").labels.secret
    assert secret is not None
    assert secret.reveal() == "a secret of enough letters"


def test_an_absolute_path_stays(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("executor: {allow_file: /etc/allow.yaml}\n")
    assert load(tmp_path / "site.yaml", {}).executor.allow_file == "/etc/allow.yaml"


def names(schema: Mapping[str, Any]) -> Iterator[str]:
    """The names of all settings that a schema describes."""
    for name, value in schema.items():
        if name == "properties":
            yield from value
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, Mapping):
                yield from names(child)


def test_every_setting_that_is_named_after_a_file_is_known() -> None:
    found = {name for name in names(Config.model_json_schema()) if name.endswith(("file", "folder"))}
    assert found - {"profiles"} == {
        path.rpartition(".")[2] for path in FILES if path.endswith(("file", "folder")) and not is_secret((path,))
    }
