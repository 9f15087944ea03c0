"""The table behind a screen: nothing of it can harm a terminal or a spreadsheet, and a list stands as it was told."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.errors import BadInput, QuarterdeckError
from engine.events.reducers.projection import Projection
from engine.events.state import RequestView
from tests.console import scene
from tui.actions import exports
from tui.model import tables
from tui.model.list_state import ListState
from tui.model.tables import Table, command, table_of
from tui.render.plain_text import clean
from tui.screens.queue_lines import QUEUE
from tui.screens.recovery_lines import BREAKERS, breakers_of

NOW = scene.NOW


def request(name: str, prompt: str = "hello", **fields: object) -> RequestView:
    """A request that waits for its number of seconds."""
    given_: dict[str, object] = {"queued_at": NOW - 10.0, "user": "ana", **fields}
    return RequestView(name, tenant="t", profile="default", priority="medium", prompt=prompt, **given_)  # type: ignore[arg-type]


def queue(*prompts: str) -> Table:
    """The table of requests with these prompts."""
    return table_of(QUEUE, [request(f"r{n}", prompt) for n, prompt in enumerate(prompts)], NOW)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n@x"])
def test_no_text_cell_is_a_formula_and_a_number_stays_one(text: str) -> None:
    head, row = csv.reader(io.StringIO(tables.as_csv(queue(text))))
    told = dict(zip(head, row, strict=True))
    assert told["prompt"] == f"'{clean(text)}"
    assert told["age"] == "10.0"
    assert told["tries"] == "0"


@given(st.text(max_size=60))
def test_what_is_written_obeys_no_terminal_and_json_reads_back_as_it_was(prompt: str) -> None:
    table = queue(prompt)
    for text in (tables.as_texts(table), tables.as_commands(table), tables.as_csv(table), tables.as_json(table)):
        assert all(character.isprintable() or character in "\t\r\n" for character in text)
    assert json.loads(tables.as_json(table))["rows"][0]["prompt"] == prompt
    assert json.loads(tables.as_objects(table))["prompt"] == prompt
    assert len(list(csv.reader(io.StringIO(tables.as_csv(table))))) == 2


def test_a_row_is_told_as_texts_ids_objects_and_commands() -> None:
    table = queue("one", "two; rm -rf /")
    assert tables.as_texts(table).split("\n")[0] == "r0\twaiting\t10s\t\t\tana\tdefault\tmedium\t\t\t\tone"
    assert tables.as_ids(table) == "r0\nr1"
    assert [row["id"] for row in json.loads(tables.as_objects(table))] == ["r0", "r1"]
    assert tables.as_commands(table) == "quarterdeck queue show r0\nquarterdeck queue show r1"
    assert command("queue", "show", "a b;\x1b[31m") == "quarterdeck queue show 'a b;·[31m'"


def test_a_list_is_filtered_sorted_held_and_marked_by_id() -> None:
    shown = ListState(QUEUE)
    rows = [request("r1", queued_at=NOW - 5), request("r2", queued_at=NOW - 9), request("r3", session="s1", user="ben")]
    shown.take(rows, NOW)
    assert (shown.order, shown.cursor) == (["r2", "r1", "r3"], "r2")
    shown.sort_by("age")
    assert (shown.order, shown.sort.said) == (["r3", "r2", "r1"], "age descending")
    assert shown.cursor == "r2"
    shown.set_filter("user:ana age>6")
    assert shown.order == ["r2"]
    shown.set_filter("nope:1")
    assert "no field 'nope'" in shown.problem
    assert shown.order == ["r2"]
    assert shown.back()
    assert (shown.order, shown.problem) == (["r3", "r2", "r1"], "")
    shown.go(0)
    shown.mark()
    assert (shown.marks, shown.cursor) == ({"r3"}, "r2")
    shown.take([request("r0", queued_at=NOW - 99), *rows], NOW)
    assert shown.order == ["r3", "r2", "r1", "r0"]
    assert [row.id for row in shown.chosen] == ["r3"]
    shown.take(rows[:2], NOW)
    assert (shown.marks, [row.id for row in shown.chosen]) == (set(), ["r2"])
    assert not shown.back()


def test_the_cursor_whose_row_is_gone_goes_to_the_one_in_its_place() -> None:
    shown = ListState(QUEUE)
    rows = [request(f"r{n}", queued_at=NOW - 10 + n) for n in range(4)]
    shown.take(rows, NOW)
    shown.go(1)
    shown.take([rows[0], *rows[2:]], NOW)
    assert shown.cursor == "r2"
    shown.take([], NOW)
    assert (shown.cursor, shown.row, shown.chosen) == ("", None, [])
    shown.move(1)
    shown.mark()
    assert shown.marks == set()


def test_breakers_are_a_table_with_trips_and_reasons() -> None:
    projection = Projection()
    for stamped in scene.tape():
        projection.apply(stamped)
    shown = ListState(BREAKERS)
    shown.take(breakers_of(projection.state), NOW)
    table = shown.table()
    assert table.keys == ("breaker", "state", "trips", "since", "failed", "probe", "shed", "why")
    assert [row.plains[:3] for row in table.rows] == [
        ("credential:acct-3", "half_open", 2),
        ("model:default", "closed", 1),
    ]
    assert table.rows[0].command == "quarterdeck breakers show credential:acct-3"


def test_an_export_is_ours_alone_and_never_written_over_another(tmp_path: Path) -> None:
    own = tmp_path / "state" / "exports"
    name = exports.file_name("queue", NOW, "csv")
    assert name == "queue-20261120-140231.csv"
    paths = [exports.write(own / name, f"{n}\n", own) for n in range(3)]
    assert [path.name for path in paths] == [name, name.replace(".csv", "-2.csv"), name.replace(".csv", "-3.csv")]
    assert [path.read_text() for path in paths] == ["0\n", "1\n", "2\n"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    (tmp_path / "link.csv").symlink_to(tmp_path / "elsewhere")
    assert exports.write(tmp_path / "link.csv", "x", own).name == "link-2.csv"
    assert not (tmp_path / "elsewhere").exists()


def test_a_place_is_a_file_or_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert exports.place("~", "a.csv") == tmp_path / "a.csv"
    assert exports.place("~/x/", "a.csv") == tmp_path / "x" / "a.csv"
    assert exports.place("~/b.csv", "a.csv") == tmp_path / "b.csv"
    with pytest.raises(BadInput, match="is no path"):
        exports.place("~nobody-there/x", "a.csv")


@pytest.mark.parametrize("said", ["no/such/folder/a.csv", "a\0b.csv", "x" * 300])
def test_a_path_that_cannot_be_is_refused_with_what_helps(said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Nothing is exported") as refused:
        exports.write(tmp_path / said, "x", tmp_path / "own")
    assert refused.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_nothing_half_written_stays_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def full(path: Path, flags: int, mode: int = 0o777) -> int:
        os.close(opened(path, flags, mode))
        return opened("/dev/full", os.O_WRONLY)

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(QuarterdeckError, match="No space left on device"):
        exports.write(tmp_path / "a.csv", "x" * 100_000, tmp_path)
    assert list(tmp_path.iterdir()) == []
