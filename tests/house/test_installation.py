"""The application works outside the checkout: built, installed into an empty environment, and run from another folder.

The wheel is built from the source distribution, so both are proven to be complete.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from itertools import islice
from pathlib import Path

import pytest

from streams.demo import RECORDING
from tests.house.tree import ROOMS, ROOT

ROWS = 2_000
DEMO_FILES = """
from importlib.resources import files
from streams.demo import RECORDING
from streams.demo.scoring import read_truth
from streams.replay.recordings import read_recording
print(sum(1 for _ in read_recording(RECORDING)), read_truth(RECORDING).requests, files("streams.demo") / "config.yaml")
"""
DEMO_CONFIG = """
from pathlib import Path
from streams.demo.people import write_config
print(write_config(Path.cwd()).config)
"""


def run(*command: object, folder: Path, **environment: str) -> str:
    """The output of a command that must succeed; of this process's environment it gets no path of Python's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env={**inherited, **environment}, capture_output=True, text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, made by the build backend of pyproject.toml."""
    folder = tmp_path_factory.mktemp("sdist")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--target", folder / "backend", "hatchling", folder=folder)
    build = (sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", folder / "dist")
    run(*build, folder=ROOT, PYTHONPATH=str(folder / "backend"))
    (made,) = (folder / "dist").iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution alone."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, sdist, folder=folder)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that holds the wheel and what it requires, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    found = folder / "bin"
    # pip of this environment installs into the other one: to put a pip there takes longer than the whole test.
    run(sys.executable, "-m", "pip", "--python", found / "python", "install", "--quiet", "--disable-pip-version-check",
        "--no-compile", "--constraint", ROOT / "constraints.txt", wheel, folder=folder)
    return found


def test_a_wheel_holds_our_rooms_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    (information,) = (top for top in tops if top.endswith(".dist-info"))
    assert tops == {*ROOMS, information}
    assert "streams/demo/report.svg" not in names


def test_a_source_distribution_holds_no_tests(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        tops = {name.split("/")[1] for name in archive.getnames()}
    files = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "constraints.txt", "PKG-INFO"}
    assert tops - {".gitignore"} == {*ROOMS, *files}


def test_an_installed_tocsin_checks_its_default_and_the_configuration_of_the_demo(
    scripts: Path, tmp_path: Path,
) -> None:
    assert "the shipped default: valid, 0 warnings" in run(scripts / "tocsin", "check", folder=tmp_path)

    records, requests, config = run(scripts / "python", "-c", DEMO_FILES, folder=tmp_path).split()
    assert records == requests
    assert Path(config).is_relative_to(scripts.parent)
    # Without the keys that the demo adds, the three steps that act by themselves would be refused.
    assert f"{config}: valid, 3 warnings" in run(scripts / "tocsin", "check", config, folder=tmp_path)

    signed = run(scripts / "python", "-c", DEMO_CONFIG, folder=tmp_path).strip()
    assert f"{signed}: valid, 0 warnings" in run(scripts / "tocsin", "check", signed, folder=tmp_path)


def test_an_installed_tocsin_replays_a_recording(scripts: Path, tmp_path: Path) -> None:
    with gzip.open(RECORDING / "requests.csv.gz", "rt") as rows:
        (tmp_path / "requests.csv").write_text("".join(islice(rows, ROWS + 1)))

    shown = run(scripts / "tocsin", "replay", "requests.csv", "--out", "out", folder=tmp_path)

    assert f"{ROWS} records" in shown
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"incidents.jsonl", "actions.jsonl", "audit.jsonl"}


def test_an_installed_tocsin_prints_the_schemas(scripts: Path, tmp_path: Path) -> None:
    shown = json.loads(run(scripts / "tocsin", "schema", "incident", folder=tmp_path))
    assert shown["$id"] == "urn:tocsin:schema:incident:v1"
