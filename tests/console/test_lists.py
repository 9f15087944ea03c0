"""The same keys on every list: filter, sort, hold, mark, copy, export, and what acts on the marks."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from textual import events

from engine.base.clock import ManualClock
from engine.base.errors import Forbidden, NotFound
from engine.events import types as ev
from tests.console import scene
from tests.support.console import NORMAL, SMALL, ConsoleFixture, FakeFeed, console_fixture
from tests.support.processes import until
from tui.actions.clipboard import MAX_COPIED
from tui.actions.exports import file_name
from tui.actions.keymap import resolve
from tui.feeds.recorded import RecordedFeed
from tui.screens.dialogs import Confirm, Menu, TextEntry
from tui.screens.inbox import Inbox
from tui.screens.list_screen import ListScreen
from tui.screens.overview import OverviewScreen

LISTS = {
    "sessions": ("2", "s0001"),
    "errors": ("3", "resource/overloaded"),
    "recovery": ("4", "credential:acct-3"),
    "queue": ("5", "r990"),
    "approvals": ("exclamation_mark", ""),
}
LISTED = ("sessions", "errors", "recovery", "queue", "approvals")
SHARED = {**LISTS, "overview": ("1", ""), "tuning": ("7", "session_pool.min_size")}


def shown(console: ConsoleFixture) -> Any:
    """The list of the screen in sight."""
    screen = console.app.screen
    return screen.shown if isinstance(screen, (ListScreen, Inbox)) else screen.query_one("#grid")


async def copied(console: ConsoleFixture, *keys: str) -> str:
    """What is on the clipboard after these keys."""
    console.app._clipboard = "nothing"
    await console.press(*keys)
    return console.app.clipboard


async def exported(console: ConsoleFixture, letter: str, folder: Path) -> str:
    """What the one file in a folder holds after the view was exported into it."""
    await console.press("e", letter)
    assert isinstance(console.app.screen, TextEntry)
    entry = console.app.screen.query_one("#entry")
    entry.value = str(folder)  # type: ignore[attr-defined]
    await console.press("enter")
    await console.app.workers.wait_for_complete()
    await console.settle()
    (path,) = folder.iterdir()
    assert str(path) in console.told[-1]
    return path.read_text()


@pytest.mark.parametrize(
    ("name", "size"), [*((name, NORMAL) for name in LISTED), ("queue", SMALL), ("approvals", SMALL)]
)
async def test_every_list_is_filtered_sorted_held_and_marked_by_the_same_keys(
    name: str, size: tuple[int, int], feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock, size) as console:
        await console.press(LISTS[name][0])
        before = list(shown(console).order)
        assert len(before) > 1
        await console.press("S")
        assert set(shown(console).order) == set(before)
        assert shown(console).order != before
        assert shown(console).sort.mark in console.text
        await console.press("s", "enter", "asterisk")
        assert shown(console).marks == set(before)
        assert f"◆ {len(before)} marked" in console.text
        await console.press("u", "o")
        assert shown(console).held
        assert "held" in console.text
        await console.press("o", "space")
        assert len(shown(console).marks) == 1
        await console.press("slash", *"zzz", "enter")
        assert shown(console).order == []
        assert "0 of" in console.text
        await console.press("escape")
        assert set(shown(console).order) == set(before)
        await console.press("escape")
        assert shown(console).marks == set()
        await console.press("slash", *"nope:1")
        assert "no field 'nope'" in console.text
        await console.press("escape", "escape")
        assert isinstance(console.app.screen, OverviewScreen)


@pytest.mark.parametrize("name", SHARED)
async def test_every_list_is_copied_by_row_id_cell_json_and_command_and_exported(
    name: str, feed: FakeFeed, clock: ManualClock, tmp_path: Path
) -> None:
    key, first = SHARED[name]
    async with console_fixture(feed, clock) as console:
        await console.press(key)
        await console.app.workers.wait_for_complete()
        await console.settle()
        await console.press("y")
        assert isinstance(console.app.screen, Menu)
        assert "COPY" in console.text
        row = await copied(console, "r")
        assert "\t" in row
        assert console.told[-1].startswith("Copied row: ")
        found = json.loads(await copied(console, "y", "j"))
        assert isinstance(found, dict)
        command = await copied(console, "y", "l")
        assert command.startswith("quarterdeck ")
        if first and name != "errors":
            assert await copied(console, "y", "i") == first
            assert first in command
        assert await copied(console, "y", "c", "enter") in row
        assert await copied(console, "y", "escape") == "nothing"
        for folder in ("csv", "json"):
            (tmp_path / folder).mkdir()
        head, *rows = csv.reader(io.StringIO(await exported(console, "c", tmp_path / "csv")))
        told = json.loads(await exported(console, "j", tmp_path / "json"))
        assert told["of"] == len(told["rows"]) == len(rows) > 0
        assert list(told["rows"][0]) == head


async def test_all_marked_rows_are_copied_in_the_order_shown(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "S", "g", "space", "j", "space")
        assert await copied(console, "y", "i") == "s0012\ns0010"
        assert [row["id"] for row in json.loads(await copied(console, "y", "j"))] == ["s0012", "s0010"]
        assert (await copied(console, "y", "l")).split("\n")[1] == "quarterdeck sessions show s0010"
        assert await copied(console, "y", "c", "j", "enter") == "starting\napproval"
        assert console.told[-1] == "Copied STATE: starting  +1 line"


async def test_an_error_is_copied_by_its_own_id_and_marked_classes_by_theirs(
    feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock) as console:
        assert await copied(console, "3", "y", "i") == "r078.1"
        assert await copied(console, "asterisk", "y", "i") == "resource/overloaded\nnetwork/reset"
        assert await copied(console, "y", "l") == (
            "quarterdeck errors list --type resource\nquarterdeck errors list --type network"
        )


async def test_a_transcript_is_copied_by_entry_and_conversation(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("exclamation_mark", "enter")
        assert await copied(console, "y", "r") == scene.ASKED
        assert await copied(console, "y", "i") == f"{scene.CONVERSATION}07"
        assert await copied(console, "y", "s") == "s0008"
        assert json.loads(await copied(console, "y", "j"))["title"] == "Bash"
        assert await copied(console, "y", "l") == "quarterdeck sessions show s0008"


async def test_what_a_terminal_would_not_take_is_refused(clock: ManualClock) -> None:
    feed = FakeFeed(scene.tape())
    long = ev.RequestQueued(
        request="r999", user="z", tenant="t", profile="p", priority="low", prompt="x" * (MAX_COPIED + 1)
    )
    feed.push(scene.NOW - 99, long)
    async with console_fixture(feed, clock) as console:
        assert await copied(console, "5", "y", "r") == "nothing"
        assert "more than a terminal's clipboard takes" in console.told[-1]
        assert await copied(console, "y", "i") == "r999"


async def test_an_export_has_the_rows_columns_and_order_that_are_shown(
    feed: FakeFeed, clock: ManualClock, tmp_path: Path
) -> None:
    async with console_fixture(feed, clock, SMALL) as console:
        await console.press("2", "S", "slash", *"user:ana", "enter")
        told = json.loads(await exported(console, "j", tmp_path))
        titles = next(line for line in console.lines if "STATE" in line)
        assert [row["id"] for row in told["rows"]] == ["s0006", "s0001"]
        assert (told["filter"], told["sort"], told["of"]) == ("user:ana", "id descending", 12)
        assert "tokens" not in told["rows"][0]
        assert "TOKENS" not in titles
        assert len(told["rows"][0]) == len(titles.replace("▾", "").split())


async def test_marked_rows_alone_are_exported_and_the_default_folder_is_made(
    feed: FakeFeed, clock: ManualClock, tmp_path: Path
) -> None:
    async with console_fixture(feed, clock) as console:
        console.app.exports = tmp_path / "state" / "exports"
        await console.press("5", "j", "space", "e", "c")
        assert "1 of 10, the marked ones" in console.text
        await console.press("enter")
        await console.app.workers.wait_for_complete()
        await console.settle()
        (path,) = console.app.exports.iterdir()
        assert path.name == "queue-20261120-140231.csv"
        assert len(path.read_text().splitlines()) == 2


async def test_the_screen_is_exported_as_it_stands_without_a_link_to_anywhere(
    feed: FakeFeed, clock: ManualClock, tmp_path: Path
) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("5")
        drawn = await exported(console, "s", tmp_path)
        assert drawn.startswith("<svg")
        assert "PRIORITY" in drawn
        assert "EXPORT&#160;THIS" not in drawn
        assert "cdnjs" not in drawn


@pytest.mark.parametrize(
    ("typed", "said"), [("no/such/a.csv", "No such file or directory"), ("~nobody-there/a.csv", "is no path")]
)
async def test_a_bad_path_is_told_and_nothing_is_written(
    typed: str, said: str, feed: FakeFeed, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with console_fixture(feed, clock) as console:
        await console.press("5", "e", "c")
        console.app.screen.query_one("#entry").value = typed  # type: ignore[attr-defined]
        await console.press("enter")
        await console.app.workers.wait_for_complete()
        await console.settle()
        assert said in console.told[-1]
        assert list(tmp_path.iterdir()) == []


async def test_the_past_is_exported_under_its_own_moment(clock: ManualClock, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    feed: Any = RecordedFeed(scene.recorded(tmp_path / "recording"), clock)
    async with console_fixture(feed, clock) as console:
        await console.press("space", "ctrl+g", *"14:00", "enter", "2")
        told = json.loads(await exported(console, "j", tmp_path / "out"))
        at = scene.NOW - 151
        assert told["at"] == at
        assert [path.name for path in (tmp_path / "out").iterdir()] == [file_name("sessions", at, "json")]
        await console.press("x")
        assert console.told[-1] == "A recording cannot be acted on."


async def test_the_order_is_held_under_a_menu(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("5", "S", "y")
        held = list(console.app.screen_stack[-2].shown.order)  # type: ignore[attr-defined]
        feed.push(
            scene.NOW, ev.RequestQueued(request="r000", user="a", tenant="t", profile="p", priority="low", prompt="x")
        )
        await console.settle()
        assert console.app.screen_stack[-2].shown.order == [*held, "r000"]  # type: ignore[attr-defined]
        await console.press("escape")
        assert shown(console).order != [*held, "r000"]


@pytest.mark.parametrize(
    ("letter", "calls", "line"),
    [
        ("I", [("interrupt", "s0001"), ("interrupt", "s0002")], "quarterdeck sessions interrupt s0001 s0002"),
        ("H", [("hibernate", "s0001"), ("hibernate", "s0002")], "quarterdeck sessions hibernate s0001 s0002"),
        ("C", [("recycle", "s0001"), ("recycle", "s0002")], "quarterdeck sessions recycle s0001 s0002"),
        ("R", [("stop", "s0001"), ("stop", "s0002")], "quarterdeck sessions stop s0001 s0002"),
        ("D", [("drain", "default")], "quarterdeck profiles drain default"),
    ],
)
async def test_marked_sessions_are_acted_on_after_the_facts_with_the_line_for_the_shell(
    letter: str, calls: list[tuple[str, ...]], line: str, feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "space", "space", "x")
        assert isinstance(console.app.screen, Menu)
        assert "2 SESSIONS" in console.text
        await console.press(letter)
        assert isinstance(console.app.screen, Confirm)
        assert line in console.text
        await console.press("escape")
        assert feed.calls == []
        await console.press("x", letter, "enter", *("y" if letter == "R" else ""))
        assert feed.calls == calls


async def test_killing_the_marked_wants_their_number_typed(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "space", "space", "x", "K", "enter", "3", "enter")
        assert feed.calls == []
        await console.press("2", "enter", "y")
        assert feed.calls == [("kill", "s0001"), ("kill", "s0002")]


async def test_each_refusal_is_told_and_the_others_are_done(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "space", "space", "x", "H")
        feed.refusal = NotFound("There is no such session.", remedy="Look again.")
        await console.press("enter")
        assert console.told[-1].count("There is no such session.") == 2


async def test_marked_requests_are_cancelled_once_their_number_is_typed(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("5", "space", "space", "X")
        assert "CANCEL 2 REQUESTS" in console.text
        assert "1 run, 1 wait" in console.text
        assert "quarterdeck queue cancel r990 r900" in console.text
        await console.press("enter", "2", "enter")
        assert feed.calls == [("cancel", "r990"), ("cancel", "r900")]
        assert console.told[-1] == "Cancelled 2 of 2 requests."
        await console.press("x", "X", "escape", "u", "x", "X")
        assert isinstance(console.app.screen, Confirm)


async def test_a_menu_keeps_the_row_it_was_opened_for(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("5", "x")
        feed.push(scene.NOW, ev.RequestEnded(request="r990", user="hana", ok=True, duration=1.0))
        await console.settle()
        await console.press("X")
        assert console.told == ["There is no request under the cursor."]


async def test_marked_breakers_are_moved_together(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("4", "asterisk", "x", "C")
        assert "CLOSE 2 BREAKERS" in console.text
        assert "quarterdeck breakers close credential:acct-3" in console.text
        assert "model:default" in console.text.partition("same as")[2]
        await console.press("enter")
        assert feed.calls == [("breaker", "credential:acct-3", "close"), ("breaker", "model:default", "close")]
        feed.refusal = Forbidden("The engine is read-only.", remedy="Start it anew.")
        await console.press("O", "enter")
        assert "read-only" in console.told[-1]


async def test_read_only_copies_and_exports_and_opens_no_menu(
    feed: FakeFeed, clock: ManualClock, tmp_path: Path
) -> None:
    async with console_fixture(feed, clock, read_only=True) as console:
        for key in ("2", "4", "5"):
            await console.press(key, "x")
            assert console.told[-1].startswith("Read-only")
            assert not isinstance(console.app.screen, Menu)
        assert await copied(console, "y", "i") == "r990"
        assert "r990" in await exported(console, "c", tmp_path)
        assert feed.calls == []


async def test_keys_named_in_prose_are_those_in_force(feed: FakeFeed, clock: ManualClock) -> None:
    mine = {
        "overview.open": "f5",
        "errors.correct": "f6",
        "tuning.type": "f7",
        "queue.prompt": "f8",
        "inbox.back": "f9",
    }
    async with console_fixture(FakeFeed(scene.tape()), clock, keys=resolve(mine)) as console:
        assert "f5 opens" in console.text
        await console.press("3")
        assert "f6 correct" in console.text
        await console.press("7")
        await console.app.workers.wait_for_complete()
        await console.settle()
        assert "f7 types one" in console.text
        await console.press("exclamation_mark")
        assert "f9 close" in console.text
    async with console_fixture(FakeFeed(scene.tape()[:1]), clock, keys=resolve(mine)) as console:
        await console.press("5")
        assert "f8 sends a prompt" in console.text


async def test_an_empty_list_has_nothing_to_copy_or_to_act_on(clock: ManualClock) -> None:
    feed = FakeFeed(scene.tape()[:1])
    async with console_fixture(feed, clock) as console:
        for key in ("1", "2", "3", "4", "5"):
            await console.press(key, "y")
            assert console.told[-1] == "There is nothing here to copy."
        await console.press("x")
        assert console.told[-1] == "There is nothing here to act on."
        await console.press("asterisk", "space", "u", "S", "o", "j")
        assert "nothing is on its way; P sends a prompt" in console.text


@pytest.mark.parametrize(("key", "typed"), [("2", "max_x"), ("7", "max_starting"), ("0", "find"), ("5", "o x j")])
async def test_a_burst_of_keys_goes_into_the_filter_that_its_first_key_opens(
    key: str, typed: str, feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press(key)
        screen = console.app.screen
        assert isinstance(screen, ListScreen)
        for character in f"/{typed}":  # as one read of the terminal brings them
            name = {"/": "slash", "_": "underscore", " ": "space"}.get(character, character)
            console.app.post_message(events.Key(name, character))
        await until(lambda: screen.editor.value == typed)
        assert console.app.screen is screen
