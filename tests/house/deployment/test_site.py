"""The documentation as a site: built without a warning, with a place for each page, and with nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.house.tree import ROOT

LOADING = {"script": "src", "link": "href", "img": "src", "iframe": "src"}
pytest.importorskip("material", reason="the extra docs is not installed")


class _Loaded(HTMLParser):
    """The addresses that a browser loads by itself with a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect one address."""
        found = dict(attrs)
        if tag in LOADING and found.get("rel") != "canonical":
            self.addresses.append(found.get(LOADING[tag]) or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly and with the network of no use: a proxy that nobody serves."""
    folder = tmp_path_factory.mktemp("site")
    nowhere = "http://127.0.0.1:9"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)], cwd=ROOT, text=True,
        capture_output=True, check=False,
        env={"PATH": "/usr/bin:/bin", "NO_MKDOCS_2_WARNING": "1", "http_proxy": nowhere, "https_proxy": nowhere},
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_every_page_is_built_and_linked_from_the_first(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    built = {path.with_name("index.html") if path.name == "README.html" else path for path in pages}
    assert [str(path) for path in sorted(built) if not (site / path).exists()] == []
    index = (site / "index.html").read_text(encoding="utf-8")
    assert [str(path) for path in sorted(built) if f'href="{path.as_posix()}"' not in index] == []


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = _Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        assert loaded.addresses
        assert [one for one in loaded.addresses if re.match(r"(https?:)?//", one)] == [], page
    for style in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//", style.read_text(encoding="utf-8")) == [], style


@pytest.mark.parametrize("folder", ["README.md", "docs"])
def test_every_page_of_the_documents_says_what_it_is(folder: str) -> None:
    found = [ROOT / folder] if folder.endswith(".md") else sorted((ROOT / folder).glob("*.md"))
    for path in found:
        title, blank, text = path.read_text(encoding="utf-8").split("\n", 3)[:3]
        assert (title.startswith("# "), blank, bool(text) and not text.startswith("#")) == (True, "", True), path
