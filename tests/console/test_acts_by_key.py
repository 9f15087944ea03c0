"""What an operator does to sessions, approvals and the pool by keys: asked first, refused where it must be."""

from __future__ import annotations

import pytest
from textual import events

from engine.base.clock import ManualClock
from engine.base.errors import NotFound
from engine.events import types as ev
from tests.console import scene
from tests.support.console import FakeFeed, console_fixture
from tests.support.processes import until
from tui.actions.press_guard import ARMING_S
from tui.model.link import FeedStatus, LinkState
from tui.screens.dialogs import Confirm

PLACE_OF_BODY = 4


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


@pytest.mark.parametrize("keys", [("K", "enter"), ("space", "K", "enter", "enter")])
async def test_what_was_typed_before_a_question_was_drawn_does_not_answer_it(
    feed: FakeFeed, clock: ManualClock, keys: tuple[str, ...]
) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2")
        for key in keys:  # all of them are there before the first one is looked at
            console.app.post_message(events.Key(key, "\r" if key == "enter" else key if len(key) == 1 else None))
        await until(lambda: isinstance(console.app.screen, Confirm))
        await console.settle()
        assert isinstance(console.app.screen, Confirm)
        assert feed.calls == []
        await console.press("enter")
        assert not isinstance(console.app.screen, Confirm)


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
        await console.press("escape", "escape", "k", "space", "space", "K")
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
        await console.press("escape", "1", "P")
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
