"""The configuration: one file, checked as a whole before anything starts."""

from config.errors import ConfigError, Problem
from config.identity import as_yaml, config_hash, written
from config.load import examine, load, read_playbooks
from config.models import Config

__all__ = [
    "Config", "ConfigError", "Problem", "as_yaml", "config_hash", "examine", "load", "read_playbooks", "written",
]
