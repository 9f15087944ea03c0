"""Tables: aligned and folded to the width of a terminal, one line a row in a pipe."""

from __future__ import annotations

import io
import re
import time

import pytest
from rich.cells import cell_len

from tui.cli.output import print_table
from tui.render.formats import moment

HEADER = ("id", "title", "note")


class Terminal(io.StringIO):
    """A standard output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def lines_on_terminal(monkeypatch: pytest.MonkeyPatch, rows: list[list[str]], columns: int = 80) -> list[str]:
    """What a table looks like there, without its colours."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm-256color")
    print_table(rows, HEADER)
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).splitlines()]


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


def test_a_moment_of_another_day_has_its_date() -> None:
    now = time.mktime((2026, 11, 27, 12, 0, 0, 0, 0, -1))
    assert moment(now - 3600, now) == "11:00:00"
    assert moment(now - 86_400, now) == "2026-11-26 12:00:00"
    assert moment(now + 86_400, now) == "2026-11-28 12:00:00"
    assert moment(0.0, now) == "--:--:--"
