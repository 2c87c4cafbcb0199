"""A result is computed once for the same code and cell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.ordinary.draw import Cell
from benchmarks.ordinary.figures import Healthy
from benchmarks.ordinary.judge import Judged
from benchmarks.ordinary.kept import Kept, code_digest
from benchmarks.ordinary.kinds.catalogue import KINDS


class Judge:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[Cell] = []

    def judge(self, cell: Cell) -> Judged:
        self.asked.append(cell)
        return Judged(Healthy(cell.kind.name, cell.form, cell.kind.hours, len(self.asked), 0, 0, 0), (), ("a line",))


def test_a_kept_result_is_not_computed_again_and_another_cell_or_code_is(tmp_path: Path) -> None:
    judge, kept = Judge(), Kept(tmp_path / "kept", "code")
    cell = Cell(KINDS[0], "native", 1, faulty=False)
    first = kept.judged(cell, judge.judge)
    assert kept.judged(cell, judge.judge) == first
    assert judge.asked == [cell]
    others = (
        replace(cell, kind=KINDS[1]), replace(cell, kind=replace(KINDS[0], hours=KINDS[0].hours + 1.0)),
        replace(cell, form="otlp_json"), replace(cell, seed=3), replace(cell, faulty=True),
    )
    for other in others:
        kept.judged(other, judge.judge)
    assert judge.asked == [cell, *others]
    Kept(tmp_path / "kept", "other code").judged(cell, judge.judge)
    assert judge.asked[-1] == cell
    assert len(judge.asked) == len(others) + 2


def test_the_digest_of_the_code_changes_with_each_of_its_files_and_with_their_names(tmp_path: Path) -> None:
    (tmp_path / "rooms").mkdir()
    (tmp_path / "rooms" / "a.py").write_text("a")
    (tmp_path / "one.py").write_text("b")
    digests = [code_digest(tmp_path, ("rooms", "one.py"))]
    for file, text in (("rooms/a.py", "c"), ("one.py", "d"), ("rooms/new.py", "")):
        (tmp_path / file).write_text(text)
        digests.append(code_digest(tmp_path, ("rooms", "one.py")))
    (tmp_path / "rooms" / "new.py").rename(tmp_path / "rooms" / "named.py")
    digests.append(code_digest(tmp_path, ("rooms", "one.py")))
    assert len(set(digests)) == len(digests)
    assert code_digest() == code_digest()
