"""`tocsin replay`: what a configuration does with a recording, alone or against another configuration."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.status import Status

from streams.cli import Failure
from streams.cli.recordings.comparison_text import print_comparison
from streams.cli.recordings.run import ReplayRequest, run_beside, run_replay
from streams.intake.point_names import UNKNOWN_REMEDY
from streams.replay.comparison import Results, compare
from streams.replay.replay import Replay
from streams.replay.results import is_results, read_results, refuse_results, results_of, write_results

DIFFERENT = 1


class NothingJudged(Failure):
    """The recording could be read, and nothing in it could be judged."""

    exit_code = 1


@click.command()
@click.argument("recording", type=click.Path(path_type=Path))
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="YAML laid over the shipped default.")
@click.option("--against", type=click.Path(path_type=Path),
              help="Compare with this configuration, or with the results in this folder.")
@click.option("--control", type=click.Path(path_type=Path), help="Control records (JSON lines), applied at their time.")
@click.option("--allow-holes", is_flag=True, help="Recorded topics may lack offsets, as transactions leave them.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the results.")
@click.option("--force", is_flag=True, help="Overwrite the results that the folder holds.")
@click.option("--json", "as_json", is_flag=True, help="With --against: print the differences as one JSON object.")
def replay(
    recording: Path, config_file: Path | None, against: Path | None, control: Path | None, allow_holes: bool,
    out: Path | None, force: bool, as_json: bool,
) -> None:
    """Run RECORDING through the pipeline, without a broker.

    RECORDING is a folder with requests.csv.gz, or JSON lines: native records, OTLP/JSON or Prometheus samples.

    Or it holds the topics of an installation, as `kcat -J` writes them, with the ticks among them.
    With the configuration of the workers this gives the incidents that they published, silence included.

    A malformed record is rejected, as a worker rejects it, and the first one is shown. Exit code 0: something was
    judged. Exit code 1: nothing was, since no record was accepted or no window closed; the message says why. Exit code
    2: the recording, the configuration or the control records cannot be read, and nothing was written.

    Writes OUT/incidents.jsonl (final state, one line per incident), OUT/actions.jsonl (intent, and outcome of a dry
    run; of recorded topics the recorded outcome, null without one) and OUT/audit.jsonl (each step of each incident,
    with its reason). A folder that holds such files is refused without --force.

    With --against, the incidents and actions that are added, gone or changed are listed, with the reason where one can
    be named. RECORDING may then be a folder of results too. Exit code 0: nothing differs. Exit code 1: something does.
    Exit code 2: nothing could be compared.
    """
    request = ReplayRequest(recording, config_file, control, allow_holes)
    _check_usage(request, against, out, as_json)
    if out is not None and not force:
        refuse_results(out)
    if against is not None:
        _replay_against(request, against, out, as_json)
        return
    assert out is not None
    with _at_work(request):
        result = run_replay(request)
    write_results(out, results_of(result))
    _print_summary(result, out)
    if result.nothing_judged is not None:
        raise NothingJudged(f"{recording}: nothing was judged: {result.nothing_judged}")


def _check_usage(request: ReplayRequest, against: Path | None, out: Path | None, as_json: bool) -> None:
    if against is None and out is None:
        raise click.UsageError("neither --out nor --against was given, expected one of them or both")
    if against is None and as_json:
        raise click.UsageError("--json was given, expected --against with it")
    if is_results(request.recording):
        if against is None or not is_results(against):
            raise click.UsageError(f"{request.recording} holds results, expected --against with another such folder")
        given = (request.config_file, request.control, out)
        if request.allow_holes or any(one is not None for one in given):
            raise click.UsageError("two folders of results are compared, expected no option beside --against and "
                                   "--json")


def _replay_against(request: ReplayRequest, against: Path, out: Path | None, as_json: bool) -> None:
    """Compare, print, and end with 1 where something differs."""
    if is_results(request.recording):
        old, new = read_results(against), read_results(request.recording)
    elif against.is_dir():
        old = read_results(against)
        with _at_work(request):
            done = run_replay(request)
        new = _judged(done, request)
    else:
        with _at_work(request):
            before, after = run_beside(
                ReplayRequest(request.recording, against, request.control, request.allow_holes), request,
            )
        old, new = _judged(before, request), _judged(after, request)
    if out is not None:
        write_results(out, new)
    comparison = compare(old, new)
    print_comparison(comparison, as_json)
    if not comparison.is_same:
        sys.exit(DIFFERENT)


def _at_work(request: ReplayRequest) -> Status:
    """A line on a terminal while the replay runs, since a long recording takes minutes; elsewhere nothing."""
    return Console(stderr=True, markup=False, highlight=False).status(f"replaying {request.recording}")


def _judged(result: Replay, request: ReplayRequest) -> Results:
    """Its results; where nothing was judged, there is nothing to compare."""
    if result.nothing_judged is not None:
        raise Failure(f"{request.recording}: nothing was judged: {result.nothing_judged}")
    return results_of(result)


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
