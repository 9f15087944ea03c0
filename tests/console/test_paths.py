"""The main ways through the console, key by key, as an operator goes them."""

from __future__ import annotations

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import NotFound
from engine.events import types as ev
from engine.sessions.transcripts import TranscriptEntry
from tests.console import scene
from tests.support.console import NORMAL, SMALL, FakeFeed, console_fixture
from tests.support.processes import until
from tui.actions.press_guard import ARMING_S
from tui.model.link import FeedStatus, LinkState
from tui.screens.dialogs import Confirm
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


async def test_killing_asks_with_the_facts_and_then_tells_the_feed(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "j", "K")
        assert "KILL 1 SESSION" in console.text
        assert "s0002" in console.text
        await console.press("escape")
        assert feed.calls == []
        await console.press("K", "enter")
        assert "THE REQUEST TOO?" in console.text
        assert feed.calls == []
        await console.press("escape")
        assert feed.calls == []
        await console.press("K", "enter", "y")
        assert feed.calls == [("kill", "s0002")]
        assert console.told == ["Kill: 1 session."]
        await console.press("K", "enter", "n")
        assert feed.calls[1:] == [("kill", "s0002", "request stays")]


async def test_killing_several_wants_their_number_typed(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "space", "space", "space", "K")
        await console.press("enter")
        await console.press("4", "enter")
        assert feed.calls == []
        await console.press("3", "enter", "y")
        assert feed.calls == [("kill", "s0001"), ("kill", "s0002"), ("kill", "s0003")]


async def test_a_dialog_keeps_the_sessions_it_was_opened_for(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "R")
        feed.push(scene.NOW + 1, ev.SessionEnded(session="s0001", how="eof"))
        await console.settle()
        await console.press("enter", "y")
        assert feed.calls == [("stop", "s0001")]


async def test_an_ended_session_cannot_be_killed_but_its_conversation_goes_on(
    feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", *"jjjjjjjjjj", "K")
        assert console.told == ["s0011 has ended; there is nothing to kill."]
        await console.press("enter", "P")
        await console.type("again")
        await console.press("enter")
        assert feed.calls == [("prompt", "again", f"{scene.CONVERSATION}10", "default")]
        await console.press("escape", "k", "space", "space", "K")
        assert "KILL 1 SESSION" in console.text
        await console.press("enter", "y")
        assert feed.calls[1:] == [("kill", "s0010")]


async def test_interrupting_one_session_needs_no_question(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "I")
        assert feed.calls == [("interrupt", "s0001")]
        assert console.told == ["Interrupted 1 turn."]


async def test_a_prompt_goes_to_the_conversation_under_the_cursor(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "P")
        await console.type("add a test")
        await console.press("enter")
        assert feed.calls == [("prompt", "add a test", f"{scene.CONVERSATION}00", "default")]
        await console.press("1", "P")
        await console.type("hello")
        await console.press("enter")
        assert feed.calls[-1] == ("prompt", "hello", "", "default")


async def test_the_pool_is_scaled_by_a_number_or_follows_the_load(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        for typed in ("12", "auto", "many"):
            await console.press("N")
            await console.type(typed)
            await console.press("enter")
        assert feed.calls == [("scale", 12), ("autoscale", True)]
        assert "'many' is no size" in console.told[-1]


async def test_what_the_engine_refuses_is_told_with_its_remedy(feed: FakeFeed, clock: ManualClock) -> None:
    feed.refusal = NotFound("There is no session s0001.", remedy="Look at `quarterdeck sessions`.")
    async with console_fixture(feed, clock) as console:
        await console.press("2", "I")
        assert "There is no session s0001." in console.told[0]


@pytest.mark.parametrize(
    ("key", "answer"), [("A", (True, "once")), ("D", (False, "once")), ("C", (True, "conversation"))]
)
async def test_an_approval_is_answered_only_once_its_card_has_been_in_sight(
    key: str, answer: tuple[bool, str], feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("exclamation_mark", "enter", key)
        assert "armed ▯▯▯" in console.text
        assert feed.calls == []
        assert "only just appeared" in console.told[0]
        clock.advance(ARMING_S / 2)
        await console.press(key)
        assert feed.calls == []
        clock.advance(ARMING_S / 2)
        await console.settle()
        assert "armed ▮▮▮" in console.text
        await console.press(key)
        if key == "D":  # it asks why, and enter alone gives no reason
            await console.press("enter")
        assert feed.calls == [("answer", "p1", *answer)]


async def test_the_next_card_arms_anew(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("exclamation_mark", "enter")
        clock.advance(ARMING_S)
        await console.settle()
        feed.push(scene.NOW, ev.PermissionAnswered(permission="p1", session="s0008", allowed=False, by="ben"))
        again = ev.PermissionAsked(
            permission="p3", session="s0008", tool="Bash", summary="rm -rf /", deadline=scene.NOW
        )
        feed.push(scene.NOW, again)
        await console.settle()
        await console.press("A")
        assert feed.calls == []


async def test_a_card_below_another_screen_never_disarms_the_one_in_sight(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "z", "j", "j", "exclamation_mark", "enter")  # the grid is on s0010, the page on s0008
        for _ in range(3):
            clock.advance(ARMING_S / 2)
            await console.settle()
        await console.press("A")
        assert feed.calls == [("answer", "p1", True, "once")]


async def test_read_only_refuses_what_acts_and_offers_none_of_it(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, read_only=True) as console:
        await console.press("2", "K", "I", "P")
        assert feed.calls == []
        assert not isinstance(console.app.screen, Confirm)
        assert all("Read-only" in text for text in console.told)
        assert "r READ-ONLY" in console.lines[1]
        assert "K kill" not in console.lines[-1]
        await console.press("ctrl+r")
        assert console.app.is_read_only


async def test_read_only_can_be_turned_on_and_off_by_whoever_may_act(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "ctrl+r", "I")
        assert feed.calls == []
        await console.press("ctrl+r", "I")
        assert feed.calls == [("interrupt", "s0001")]


async def test_nothing_acts_in_a_window_too_small_to_show_the_row(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, (50, 12)) as console:
        await console.press("2", "I", "K")
        assert feed.calls == []
        assert "too small" in console.told[0]


async def test_a_recording_and_a_lost_engine_cannot_be_acted_on(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2")
        feed.status = FeedStatus(LinkState.REPLAY, "rec")
        await console.settle()
        await console.press("I")
        feed.status = FeedStatus(LinkState.LOST, "unix:x", "refused", 2, 3.0)
        await console.settle()
        await console.press("I")
        assert feed.calls == []
        assert console.told == ["A recording cannot be acted on.", "No engine to act on."]


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


async def test_a_prompt_over_an_unused_session_begins_a_conversation(feed: FakeFeed, clock: ManualClock) -> None:
    feed.push(
        scene.NOW,
        ev.SessionStarting(session="a00001", profile="default", tenant="default", backend="x", conversation="c"),
        ev.SessionReady(session="a00001", pid=7, version="2", start_s=0.1),
    )
    async with console_fixture(feed, clock) as console:
        await console.press("2", "slash")
        await console.type("a00001")
        await console.press("enter", "P")
        assert "a new conversation" in console.text
        await console.type("hello")
        await console.press("enter")
        assert feed.calls[-1] == ("prompt", "hello", "", "default")
