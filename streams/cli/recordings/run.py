"""One replay of a recording with a configuration file, and two beside each other in processes of their own."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from os import environ
from pathlib import Path

import click

from config import load
from streams.client.control_files import read_directives
from streams.planning import plan_of
from streams.replay.recorded_shard import RecordedTopics
from streams.replay.recordings import read_topic, read_values, recorded_format
from streams.replay.replay import Replay
from streams.replay.replay import replay as run
from streams.replay.topic_recording import TopicRecording, is_topic_recording
from streams.replay.topic_replay import replay_topics
from streams.shard.plan import Plan


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What is replayed, and how. config_file: None for the shipped default. control: control records. allow_holes: of
    recorded topics."""

    recording: Path
    config_file: Path | None = None
    control: Path | None = None
    allow_holes: bool = False


def run_replay(request: ReplayRequest) -> Replay:
    """Replay. Raises `ConfigError`, `RecordingError` and `ControlFileError`, and `UsageError` for options that the kind
    of recording has not."""
    config = load(request.config_file, environ)
    if not is_topic_recording(request.recording):
        if request.allow_holes:
            raise click.UsageError("--allow-holes was given, expected recorded topics with their offsets")
        return _replay_values(plan_of(config), request.recording, request.control)
    if request.control is not None:
        raise click.UsageError("--control was given, expected none: recorded ticks hold the control records")
    recorded = RecordedTopics(TopicRecording(request.recording), config.topics, request.allow_holes)
    return replay_topics(plan_of(config), recorded)


def run_beside(first: ReplayRequest, second: ReplayRequest) -> tuple[Replay, Replay]:
    """Replay both at the same time, the first one in another process. Raises as `run_replay`.

    Both configurations are loaded here before, so that an error in either is told at once.
    """
    for request in (first, second):
        load(request.config_file, environ)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as others:
        other = others.submit(run_replay, first)
        done = run_replay(second)
        return other.result(), done


def _replay_values(plan: Plan, recording: Path, control: Path | None) -> Replay:
    directives = list(read_directives(control)) if control is not None else []
    form = recorded_format(recording)
    values = read_values(recording) if form == "native" else read_topic(recording)
    return run(plan, values, directives=directives, form=form)
