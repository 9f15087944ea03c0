"""The main ways through the console, key by key, as an operator goes them."""

from __future__ import annotations

import pytest

from engine.base.clock import ManualClock
from engine.events import types as ev
from engine.events.state import State
from engine.sessions.transcripts import TranscriptEntry
from tests.console import scene
from tests.support.console import NORMAL, SMALL, FakeFeed, console_fixture, plain
from tests.support.processes import until
from tui.model.link import FeedStatus, LinkState
from tui.screens.dialogs import leaving_facts
from tui.screens.inbox import Inbox
from tui.screens.overview import OverviewScreen
from tui.screens.sessions import SessionsScreen
from tui.screens.transcript import TranscriptScreen

PLACE_OF_BODY = 4


async def test_the_first_frame_needs_no_engine_and_says_that_it_connects(clock: ManualClock) -> None:
    feed = FakeFeed()
    feed.status = FeedStatus(LinkState.CONNECTING, "in process")
    async with console_fixture(feed, clock) as console:
        assert "◌ CONNECTING" in console.lines[1]
        assert "q quit" in console.lines[-1]


async def test_attention_opens_sessions_with_the_right_filter(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("enter")
        assert isinstance(console.app.screen, SessionsScreen)
        assert console.app.screen.grid.shown.order == ["s0008", "s0010"]
        assert console.lines[2].startswith(" / state:approval")
        await console.press("escape", "escape")
        assert isinstance(console.app.screen, OverviewScreen)


async def test_attention_with_one_session_opens_its_transcript(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("j", "j", "enter")
        assert isinstance(console.app.screen, TranscriptScreen)
        assert console.app.screen.session == "s0011"


async def test_a_filter_works_as_it_is_typed_and_escape_takes_it_away(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "slash")
        await console.type("user:ana turns>1")
        grid = console.app.screen.query_one("#grid")
        assert grid.shown.order == ["s0001", "s0006"]  # type: ignore[attr-defined]
        await console.type(" !")
        assert "`!` needs a word" in console.lines[2]
        await console.press("enter", "j")
        assert grid.shown.cursor == "s0006"  # type: ignore[attr-defined]
        await console.press("escape")
        assert len(grid.shown.order) == len(scene.SESSIONS)  # type: ignore[attr-defined]


async def test_sorting_by_a_chosen_column_and_turning_it_round(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "s")
        assert "SORT BY" in console.text
        await console.press("k", "enter")  # round the end: the last column is the cost
        assert "sort COST▾" in console.lines[2]
        grid = console.app.screen.query_one("#grid")
        first, last = grid.shown.order[0], grid.shown.order[-1]  # type: ignore[attr-defined]
        assert first == "s0003"
        await console.press("S")
        assert grid.shown.order[0] != first  # type: ignore[attr-defined]
        assert grid.shown.order[-1] == first != last  # type: ignore[attr-defined]


async def test_a_lost_link_is_told_at_once_and_the_last_data_is_greyed(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2")
        body = console.app.screen.query_one("#grid")
        assert body.styles.text_opacity == 1.0
        clock.advance(18)
        feed.status = FeedStatus(LinkState.LOST, "unix:x", "refused", 4, 6.0)
        await console.settle()
        assert "■ NO ENGINE   last data 18s old · retry 4 in 6s · refused" in console.lines[1]
        assert body.styles.text_opacity < 1.0
        assert "s0001  ● running" in console.text
        assert "14:02:31" in console.lines[0]
        feed.status = FeedStatus(LinkState.LIVE, "unix:x")
        await console.settle()
        assert "▲ DEGRADED" in console.lines[1]
        assert body.styles.text_opacity == 1.0


async def test_a_frozen_view_stays_while_the_pool_goes_on(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "f")
        before = console.lines[PLACE_OF_BODY:]
        clock.advance(18)
        feed.push(scene.NOW + 18, ev.TurnActivity(session="s0003", activity="Bash make"))
        feed.push(scene.NOW + 18, ev.SessionEnded(session="s0001", how="eof"))
        await console.settle()
        assert console.lines[PLACE_OF_BODY:] == before
        assert "‖ FROZEN   view held at 14:02:31 (18s)" in console.lines[1]
        await console.press("f")
        assert "▌ s0002" in console.text


async def test_themes_are_tried_on_under_the_cursor_and_taken_or_put_back(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        ground = console.app.screen.styles.background
        await console.press("T", "j")
        assert console.app.theme == "ember"
        assert console.app.screen.styles.background != ground
        await console.press("escape")
        assert console.app.theme == "default"
        await console.press("T", "j", "enter")
        assert console.app.theme == "ember"
        console.app.theming.apply_settings({"theme": "paper", "refresh_hz": 1.0})
        assert console.app.theme == "ember"  # the operator's choice holds for this run
        assert "●1Hz" in console.lines[0]


async def test_settings_dress_the_console_at_the_start_and_live(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        console.app.theming.apply_settings({"theme": "paper", "title": "prod-us", "glyphs": "ascii"})
        await console.settle()
        assert console.app.theme == "paper"
        assert console.text.isascii()
        changes = {
            "console.theme": ["paper", "contrast"],
            "console.title": ["prod-us", ""],
            "queue.max_waiting": [1, 2],
        }
        feed.push(scene.NOW, ev.SettingsChanged(who="ana", changes=changes))
        await console.settle()
        assert console.app.theme == "contrast"
        assert console.lines[0].startswith(" quarterdeck  [1 Overview]")


async def test_a_theme_that_there_is_not_is_told_and_the_console_goes_on(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, theme="nope") as console:
        assert console.app.theme == "default"
        assert "There is no theme 'nope'" in console.told[0]


async def test_the_drawer_follows_the_cursor_once_it_rests(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "j")
        await until(lambda: "s0002 ───" in console.text)
        await console.press("d")
        assert "ACTIONS" not in console.text


@pytest.mark.parametrize("size", [NORMAL, SMALL])
async def test_a_transcript_follows_its_end_until_somebody_scrolls(size: tuple[int, int], clock: ManualClock) -> None:
    said = [TranscriptEntry(n, scene.NOW - 100 + n, "assistant", "", f"remark {n}") for n in range(100)]
    feed = FakeFeed(scene.tape(), {"s0001": said})
    async with console_fixture(feed, clock, size) as console:
        await console.press("2", "enter")
        await console.settle()
        assert "remark 99" in console.text
        await console.press("pageup")
        assert "held ‖" in console.text
        assert "remark 99" not in console.text
        feed.said["s0001"] = [*said, TranscriptEntry(100, scene.NOW, "assistant", "", "remark 100")]
        await console.settle()
        await console.settle()
        assert "remark 100" not in console.text
        await console.press("G")
        await console.settle()
        assert "remark 100" in console.text
        await console.press("escape")
        assert isinstance(console.app.screen, SessionsScreen)


async def test_leaving_an_engine_of_its_own_asks_and_a_remote_one_does_not(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, owns_engine=True) as console:
        await console.press("q")
        assert "drain and leave" in console.text
        await console.press("escape")
        assert console.app.is_running
        await console.press("q", "enter")
        assert not console.app._running or console.app._exit
    assert feed.closed == 1
    other = FakeFeed(scene.tape())
    async with console_fixture(other, clock) as console:
        await console.press("q")
        assert console.app._exit
    assert other.closed == 1


async def test_the_palette_finds_a_command_by_its_words_and_runs_it(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "ctrl+p")
        await until(lambda: "Search for commands" in console.text)
        await console.pilot.press(*"inbox")
        await until(lambda: "go to Overview" not in console.text and "approvals inbox" in console.text)
        await console.pilot.press("enter")
        await until(lambda: isinstance(console.app.screen, Inbox))
        assert "APPROVALS" in console.text


@pytest.mark.parametrize("keys", [("question_mark",), ("colon", *"help", "enter")])
async def test_a_help_that_does_not_fit_is_scrolled_by_letters_arrows_and_pages(
    keys: tuple[str, ...], feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock, (80, 16)) as console:
        await console.press(*keys)
        first = console.text
        await console.press("j")
        second = console.text
        assert second != first
        await console.press("k")
        assert console.text == first
        await console.press("down")
        assert console.text == second
        await console.press("end")
        assert console.text not in (first, second)
        await console.press("home")
        assert console.text == first


async def test_what_leaving_ends_is_shown_as_it_is_now(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, owns_engine=True) as console:
        await console.press("q")
        assert "approvals      2 unanswered" in console.text
        feed.push(scene.NOW + 1, ev.PermissionAnswered(permission="p1", session="s0008", allowed=True, by="ben"))
        await console.settle()
        assert "approvals      1 unanswered" in console.text
        feed.push(scene.NOW + 2, scene.asked("p8", "s0001", "Bash", "ls", "Bash: ls", "?", 6))
        await console.settle()
        assert "approvals      2 unanswered" in console.text


@pytest.mark.parametrize(("number", "words"), [(1, "1 other console loses"), (2, "2 other consoles lose")])
def test_who_else_loses_the_engine_is_counted(number: int, words: str) -> None:
    state = State()
    state.engine.consoles = number
    assert f"{words} the engine too" in "".join(plain(line) for line in leaving_facts(state))


async def test_a_screen_that_is_closed_twice_closes_nothing_below_it(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "enter")
        transcript = console.app.screen
        assert isinstance(transcript, TranscriptScreen)
        await console.press("P")
        dialog = console.app.screen
        assert dialog is not transcript
        dialog.dismiss(None)
        dialog.dismiss(None)
        await console.settle()
        assert console.app.screen is transcript
        transcript.dismiss()
        transcript.dismiss()
        await console.settle()
        assert isinstance(console.app.screen, SessionsScreen)


async def test_a_screen_below_another_is_not_closed_in_its_place(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "enter", "question_mark")
        above, transcript = console.app.screen, console.app.screen_stack[-2]
        transcript.dismiss()
        await console.settle()
        assert console.app.screen is above
