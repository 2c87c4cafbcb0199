"""The AsyncAPI parser, which judges the document."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.exercised import EXERCISED

CACHE = Path(__file__).parents[3] / ".cache" / "asyncapi"


@pytest.fixture(scope="session")
def parser_folder() -> Path:
    """Where npm put the parser. Without it a test is skipped, or fails if TOCSIN_REQUIRE_ASYNCAPI=1 says so."""
    folder = Path(os.environ.get("TOCSIN_ASYNCAPI_LIB") or CACHE)
    missing = None
    if shutil.which("node") is None:
        missing = "no node on the path"
    elif not (folder / "node_modules" / "@asyncapi" / "parser").is_dir():
        missing = f"nothing in {folder}, make asyncapi fetches it"
    EXERCISED["AsyncAPI parser"] = "yes" if missing is None else f"NO ({missing})"
    if missing is not None and os.environ.get("TOCSIN_REQUIRE_ASYNCAPI") == "1":
        pytest.fail(f"TOCSIN_REQUIRE_ASYNCAPI=1, but {missing}")
    if missing is not None:
        pytest.skip(missing)
    return folder
