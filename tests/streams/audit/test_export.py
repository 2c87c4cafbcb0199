"""An export holds all that the topics have, and is verified as they are."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from actions.trust.keys import public_text
from streams.audit.export import ExportError, KeptRecord, json_lines, read_export
from streams.cli import main
from tests.streams.audit.kept import SIGNER, checkpoints, kept, record

NO_TEXT = KeptRecord(0, 6, 1_795_420_006_000, None, b"\xff\x00", (("h", b"\xfe"),))
RECORDS = [*(record(offset) for offset in range(6)), NO_TEXT]


def written(folder: Path) -> tuple[Path, Path]:
    """An export, and a configuration with the key of its checkpoints."""
    out, site = folder / "audit.jsonl", folder / "site.yaml"
    out.write_bytes(b"".join(json_lines(kept(RECORDS, checkpoints(RECORDS, (3, 7))))))
    public = public_text(SIGNER.private.public_key())
    site.write_text(f'version: 1\nsigning: {{keys: [{{id: r1, for: respond, public: "{public}"}}]}}\n')
    return out, site


def verified(out: Path, site: Path) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["audit", "verify", str(out), "--config", str(site), "--retention", "10000d"])
    return result.exit_code, result.output


def test_an_export_is_read_back_as_it_was_written_also_what_is_no_text(tmp_path: Path) -> None:
    audit = kept(RECORDS, checkpoints(RECORDS, (3, 7)))
    out, _ = written(tmp_path)
    assert (read_export(out).records, len(read_export(out).checkpoints)) == (audit.records, 2)


def test_an_untouched_export_is_verified_with_exit_code_0(tmp_path: Path) -> None:
    code, output = verified(*written(tmp_path))
    assert (code, "7 records: 7 covered by 2 checkpoints (signed), 0 not covered yet" in output) == (0, True)


@pytest.mark.parametrize(("change", "place"), [
    ("edit", "tocsin.audit[0]@2: edited"), ("cut", "tocsin.audit[0]@2: dropped"),
    ("reorder", "tocsin.audit[0]@2: moved"),
])
def test_an_export_that_was_edited_cut_or_reordered_exits_with_1_and_names_the_place(
    tmp_path: Path, change: str, place: str,
) -> None:
    out, site = written(tmp_path)
    lines = out.read_bytes().splitlines(keepends=True)
    if change == "edit":
        lines[2] = orjson.dumps({**orjson.loads(lines[2]), "value": "nothing happened"}) + b"\n"
    elif change == "cut":
        del lines[2]
    else:
        lines[2], lines[3] = lines[3], lines[2]
    out.write_bytes(b"".join(lines))
    code, output = verified(out, site)
    assert (code, output.splitlines()[1].startswith(place)) == (1, True)


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"type": "record", "headers": [], "value": null}'])
def test_a_line_that_is_none_of_an_export_is_named(tmp_path: Path, line: bytes) -> None:
    out = tmp_path / "audit.jsonl"
    out.write_bytes(b"".join(json_lines(kept(RECORDS, []))) + line)
    with pytest.raises(ExportError, match=f"{out}:8: "):
        read_export(out)
