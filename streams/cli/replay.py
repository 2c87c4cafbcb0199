"""`tocsin replay`: what a configuration does with a recording."""

from __future__ import annotations

from datetime import UTC, datetime
from os import environ
from pathlib import Path

import click
import orjson
from rich.console import Console

from config import load
from streams.cli import Failure
from streams.client.control_files import read_directives
from streams.intake.point_names import UNKNOWN_REMEDY
from streams.planning import plan_of
from streams.replay.recorded_shard import RecordedTopics
from streams.replay.recordings import read_topic, read_values, recorded_format
from streams.replay.replay import Replay
from streams.replay.replay import replay as run
from streams.replay.topic_recording import TopicRecording, is_topic_recording
from streams.replay.topic_replay import replay_topics
from streams.shard.plan import Plan


class NothingJudged(Failure):
    """The recording could be read, and nothing in it could be judged."""

    exit_code = 1


@click.command()
@click.argument("recording", type=click.Path(path_type=Path))
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML laid over the shipped default.")
@click.option("--control", type=click.Path(path_type=Path), help="Control records (JSON lines), applied at their time.")
@click.option("--allow-holes", is_flag=True, help="Recorded topics may lack offsets, as transactions leave them.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the results.")
def replay(recording: Path, config_file: Path | None, control: Path | None, allow_holes: bool, out: Path) -> None:
    """Run RECORDING through the pipeline, without a broker.

    RECORDING is a folder with requests.csv.gz, or JSON lines: native records, OTLP/JSON or Prometheus samples.

    Or it holds the topics of an installation, one record a line as `kcat -J` writes it, with the ticks among them. With
    the configuration of the workers this gives the incidents that they published, silence included.

    A malformed record is rejected, as a worker rejects it, and the first one is shown. Exit code 0: something was
    judged. Exit code 1: nothing was, since no record was accepted or no window closed; the message says why. Exit code
    2: the recording, the configuration or the control records cannot be read, and nothing was written.

    Writes OUT/incidents.jsonl (final state, one line per incident), OUT/actions.jsonl (intent, and outcome of a dry
    run; of recorded topics the recorded outcome, null without one) and OUT/audit.jsonl (each step of each incident,
    with its reason).
    """
    config = load(config_file, environ)
    if is_topic_recording(recording):
        if control is not None:
            raise click.UsageError("--control was given, expected none: recorded ticks hold the control records")
        recorded = RecordedTopics(TopicRecording(recording), config.topics, allow_holes)
        result = replay_topics(plan_of(config), recorded)
    else:
        if allow_holes:
            raise click.UsageError("--allow-holes was given, expected recorded topics with their offsets")
        result = _replay_values(plan_of(config), recording, control)
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "incidents.jsonl", list(result.incidents.values()))
    _write(out / "actions.jsonl", [{"intent": intent, "outcome": outcome} for intent, outcome in result.actions])
    _write(out / "audit.jsonl", list(result.audit))
    _print_summary(result, out)
    if result.nothing_judged is not None:
        raise NothingJudged(f"{recording}: nothing was judged: {result.nothing_judged}")


def _replay_values(plan: Plan, recording: Path, control: Path | None) -> Replay:
    directives = list(read_directives(control)) if control is not None else []
    form = recorded_format(recording)
    values = read_values(recording) if form == "native" else read_topic(recording)
    return run(plan, values, directives=directives, form=form)


def _write(path: Path, lines: list[object]) -> None:
    path.write_bytes(b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines))


def _print_summary(result: Replay, out: Path) -> None:
    console = Console(markup=False, highlight=False)  # titles and reasons quote what a producer wrote
    for incident in result.incidents.values():
        lasted = "open" if incident.resolved_at_s is None else f"{incident.resolved_at_s - incident.opened_at_s:.0f} s"
        opened = datetime.fromtimestamp(incident.opened_at_s, UTC)
        # Two lines each: titles are long, and a table of them wraps into a column of words on a usual terminal.
        console.print(
            f"{opened:%Y-%m-%d %H:%M:%S}Z  {lasted:>7}  {incident.peak_severity}  {incident.category}\n"
            f"    {incident.title}", soft_wrap=True,
        )
    rejected = sum(result.dead.values())
    console.print(
        f"{result.records} records, {result.series} series, {result.windows} windows, "
        f"{sum(result.alarms.values())} alarms, {len(result.incidents)} incidents, "
        f"{len(result.actions)} actions; {result.late} late, {rejected} rejected",
        soft_wrap=True,
    )
    if result.windows and not result.ready:
        result.notes.append("every series is still warming up: only fixed limits and silence were judged")
    for source, names in result.names.items():
        if names.unwatched or names.mostly_unknown:
            result.notes.append(f"{source}: {names.summary()}; {UNKNOWN_REMEDY}")
    for note in result.notes:
        console.print(f"note: {note}", soft_wrap=True)
    if result.first_dead is not None and result.accepted:
        console.print(f"first rejected: {result.first_dead}", soft_wrap=True)
    console.print(f"written to {out}", soft_wrap=True)
