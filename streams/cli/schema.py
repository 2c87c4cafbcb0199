"""`tocsin schema`: prints or writes the schemas of the messages and the AsyncAPI document of the topics."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial
from os import environ
from pathlib import Path

import click
import orjson
from ruamel.yaml import YAML
from ruamel.yaml.representer import SafeRepresenter

from config import load
from config.models import Config
from streams.contracts.asyncapi import document
from streams.contracts.catalogue import CATALOGUE, MessageType
from streams.contracts.schemas import Schema, schema_of

DOCUMENT = "asyncapi"
WIDTH = 120


@click.command()
@click.argument("type", required=False, type=click.Choice([*CATALOGUE, DOCUMENT]), metavar="[TYPE]")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write files there instead of printing.")
@click.option("--config", "config_file", type=click.Path(path_type=Path),
              help="For the names of your topics in the AsyncAPI document.")
def schema(type: str | None, out: Path | None, config_file: Path | None) -> None:
    """Print the JSON Schema of a message TYPE, or the document of all topics (TYPE asyncapi).

    Without TYPE, list the types. With --out, write TYPE, or everything, to files named by type and version.
    """
    made = _files(load(config_file, environ))
    if out is not None:
        _write(out, made if type is None else {type: made[type]})
    elif type is None:
        for kind in CATALOGUE.values():
            click.echo(f"{kind.name:20} {kind.event_type:28} {kind.summary}")
        click.echo(f"{DOCUMENT:20} {'AsyncAPI 3.0':28} All topics: who writes what, keys, headers, settings.")
    else:
        click.echo(made[type][1](), nl=False)


def _files(config: Config) -> Mapping[str, tuple[str, Callable[[], bytes]]]:
    """By argument, the name of the file and the function that makes its content."""
    types = {name: (file_of(kind), partial(_json, kind)) for name, kind in CATALOGUE.items()}
    return {**types, DOCUMENT: (f"{DOCUMENT}.yaml", lambda: _yaml(document(config)))}


def file_of(kind: MessageType) -> str:
    """The name of a schema's file."""
    return f"{kind.name}.v{kind.version}.json"


def _write(folder: Path, files: Mapping[str, tuple[str, Callable[[], bytes]]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.values():
        (folder / name).write_bytes(content())
        click.echo(f"written {folder / name}")


def _json(kind: MessageType) -> bytes:
    return orjson.dumps(schema_of(kind), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _yaml(value: Schema) -> bytes:
    yaml, stream = YAML(typ="safe", pure=True), io.BytesIO()
    yaml.Representer = _WithoutAnchors
    yaml.default_flow_style, yaml.width = False, WIDTH
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(value, stream)
    return stream.getvalue()


class _WithoutAnchors(SafeRepresenter):
    """Writes no anchors, since not every reader of YAML follows them."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - ruamel's signature
        return True
