"""Audiences with their templates, from the configuration. Reads the files of templates."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from actions.audiences.audience import EVENTS, Audience, Reader, TextEvent
from actions.audiences.due import AudienceTexts
from config.audiences.sections import AudienceSection, reader_of


def audience_of(audiences: Mapping[str, AudienceSection], name: str) -> Audience | None:
    """The audience of a name; one that is not configured has the settings of its reader, and None without a reader.

    Raises `OSError` for a file of a template that cannot be read; `tocsin check` names it.
    """
    section = audiences.get(name)
    if section is None:
        reader = reader_of(name)
        return None if reader is None else _built(name, AudienceSection(reader=reader))
    return _built(name, section)


def audience_texts_of(audiences: Mapping[str, AudienceSection], source: str) -> AudienceTexts:
    """What all audiences are told. source: of the deployment. Raises `OSError` as `audience_of` does."""
    return AudienceTexts([_built(name, section) for name, section in audiences.items()], source)


def shipped_template(reader: Reader, event: TextEvent) -> str:
    """The shipped template of a reader for an event."""
    return files("config").joinpath("templates", f"{reader}.{event}.txt").read_text(encoding="utf-8")


def _built(name: str, section: AudienceSection) -> Audience:
    reader = section.reader or "technical"
    templates = {
        event: Path(section.templates[event]).read_text(encoding="utf-8") if event in section.templates
        else shipped_template(reader, event)
        for event in EVENTS
    }
    return Audience(name, reader, section.reach(), section.via, section.to, section.zone, templates)
