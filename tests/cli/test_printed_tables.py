"""Tables: aligned and folded to the width of a terminal, one line a row in a pipe."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable

import pytest
from rich.cells import cell_len

from engine.operations.declared.memory import OPTIMIZE_MEMORY, Measured, VerdictRow
from engine.operations.declared.queue import QUEUE_STATISTICS, LaneRow, LimitRow, QueueResult, QueueStatistics
from engine.operations.operation import NoArguments
from tui.cli.operation_commands import show_result
from tui.cli.options import Common
from tui.cli.output import print_table
from tui.render.formats import moment

HEADER = ("id", "title", "note")


class Terminal(io.StringIO):
    """A standard output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch, show: Callable[[], None], columns: int = 80) -> list[str]:
    """The lines that something prints there, without their colours."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm-256color")
    show()
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).splitlines()]


def lines_on_terminal(monkeypatch: pytest.MonkeyPatch, rows: list[list[str]], columns: int = 80) -> list[str]:
    """What a table looks like there."""
    return on_terminal(monkeypatch, lambda: print_table(rows, HEADER), columns)


def queue_of(lanes: list[LaneRow], limits: list[LimitRow]) -> QueueResult:
    """The queue as an engine reports it."""
    facts = QueueStatistics(
        waiting=3,
        max_waiting=1000,
        drain_time=None,
        throughput=None,
        aged=0,
        dropped={"full": 2},
        lanes=lanes,
        limits=limits,
        load=0.0,
    )
    return QueueResult(queue=facts, quotas=[])


LANES = [
    LaneRow(name=name, waiting=1, weight=2.0, max_waiting=0, drop="reject", oldest=0.5, wait_p50=0.1, wait_p95=0.2)
    for name in ("urgent", "low")
]


def test_columns_stand_under_each_other_where_characters_are_two_cells_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [["s1", "你好", "here"], ["s0002", "hello", "here"], ["s3", "👩 e\u0301", "here"]]
    lines = lines_on_terminal(monkeypatch, rows)
    starts = {cell_len(line[: re.search("NOTE|here", line).start()]) for line in lines}
    assert (len(lines), len(starts)) == (4, 1)


def test_a_row_is_folded_to_the_terminal_and_nothing_of_it_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    note = "".join(chr(97 + number % 26) for number in range(300))
    lines = lines_on_terminal(monkeypatch, [["s0001", "idle", note]], columns=60)
    assert max(map(len, lines)) <= 60
    assert note in "".join(line[line.rindex("  ") + 2 :] if "  " in line else line for line in lines[1:])


def test_a_cell_is_a_text_and_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    _header, row = lines_on_terminal(monkeypatch, [["[b]x[/b]", ":smile:", "\x1b[31m1234"]])
    assert row == "[b]x[/b]  :smile:  ·[31m1234"


def test_a_pipe_gets_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([["s1", "a\x1b[31mb", "x" * 300]], HEADER)
    assert capsys.readouterr().out == f"s1\ta\x1b[31mb\t{'x' * 300}\n"


def test_rows_within_a_result_are_tables_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    result = queue_of(LANES, [])
    lines = on_terminal(monkeypatch, lambda: show_result(Common(), QUEUE_STATISTICS, NoArguments(), result))
    assert lines[:2] == ["FIELD        VALUE", "waiting      3"]
    title = lines.index("lanes")
    assert lines[title - 1] == ""
    assert lines[title + 1].split() == [
        "NAME",
        "WAITING",
        "WEIGHT",
        "MAX_WAITING",
        "DROP",
        "OLDEST",
        "WAIT_P50",
        "WAIT_P95",
    ]
    assert [line.split()[0] for line in lines[title + 2 :]] == ["urgent", "low"]
    assert "limits" in lines  # empty, it stays a field


def test_in_a_pipe_a_row_within_a_result_begins_with_the_field_that_holds_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_result(Common(), QUEUE_STATISTICS, NoArguments(), queue_of(LANES, []))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "waiting\t3"
    assert lines[-2:] == [f"lanes\t{name}\t1\t2\t0\treject\t0.5\t0.1\t0.2" for name in ("urgent", "low")]


def test_a_large_number_has_no_exponent(capsys: pytest.CaptureFixture[str]) -> None:
    row = VerdictRow(name="buffer", reuse_ns=14_134.6, fresh_ns=304.54, bypassed=True)
    show_result(Common(), OPTIMIZE_MEMORY, NoArguments(), Measured(measured=[row]))
    assert capsys.readouterr().out == "buffer\t14135\t304.5\tTrue\n"


def test_a_moment_of_another_day_has_its_date() -> None:
    now = time.mktime((2026, 11, 27, 12, 0, 0, 0, 0, -1))
    assert moment(now - 3600, now) == "11:00:00"
    assert moment(now - 86_400, now) == "2026-11-26 12:00:00"
    assert moment(now + 86_400, now) == "2026-11-28 12:00:00"
    assert moment(0.0, now) == "--:--:--"
