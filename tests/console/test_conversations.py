"""The Conversations screen: all of them, read, gone on with, forked, named, put away, deleted, exported."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import QuarterdeckError
from engine.events import types as ev
from engine.operations.declared.conversations import Message
from engine.sessions.transcripts import TranscriptEntry
from tests.console import scene
from tests.support.console import NORMAL, SMALL, ConsoleFixture, FakeFeed, console_fixture
from tui.screens.conversations import AGAIN_S, SELDOM_S, ConversationsScreen
from tui.screens.transcript import TranscriptScreen

ASLEEP, LIVE, AWAY = "0f8fad5b-d9cb", scene.CONVERSATION + "07", "33333333-aaaa"


def rows() -> list[dict[str, Any]]:
    """One that sleeps, one that a session holds, one that was put away."""
    return [
        {"id": LIVE, "state": "running", "session": "s0008", "title": "refactor queue", "used": scene.NOW - 20},
        {"id": ASLEEP, "title": "find the flaky test", "used": scene.NOW - 7200, "created": scene.NOW - 9000},
        {"id": AWAY, "state": "archived", "title": "an old story", "used": scene.NOW - 90_000},
    ]


@pytest.fixture(params=[SMALL, NORMAL], ids=["80x24", "120x36"])
async def console(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> AsyncIterator[ConsoleFixture]:
    """The scene, with three conversations, at both sizes."""
    feed = FakeFeed(scene.tape(), {"s0008": scene.transcript()})
    feed.conversations = rows()
    said = (("user", "where is it?"), ("assistant", "Here."))
    feed.disk[ASLEEP] = [Message(at=1.0, kind=kind, title="", text=text, detail="", ref=kind) for kind, text in said]
    async with console_fixture(feed, clock, request.param) as made:
        made.app.exports = tmp_path / "exports"
        await made.press("0")
        yield made


async def test_the_list_says_state_title_age_cost_and_what_was_said_last(console: ConsoleFixture) -> None:
    assert isinstance(console.app.screen, ConversationsScreen)
    live, asleep = (next(line for line in console.lines if title in line) for title in ("refactor queue", "find the"))
    assert "● running" in live
    assert "◦ asleep" in asleep
    assert "2h" in asleep
    assert "$0.25" in asleep
    assert "an old story" not in console.text
    await console.press("j")
    assert ASLEEP in console.text
    assert "a prompt wakes it" in console.text
    assert "It is found." in console.text


async def test_one_that_sleeps_is_read_and_gone_on_with_where_it_is_read(console: ConsoleFixture) -> None:
    await console.press("j", "enter")
    await console.settle()
    assert isinstance(console.app.screen, TranscriptScreen)
    assert "where is it?" in console.text
    assert "Here." in console.text
    assert "asleep" in console.text
    await console.press("P")
    await console.type("go on")
    await console.press("enter", "escape")
    assert console.feed.calls == [("prompt", "go on", ASLEEP, "default")]
    console.feed.push(
        scene.NOW,
        ev.SessionStarting(session="s0099", profile="default", tenant="default", backend="claude", conversation=ASLEEP),
    )
    await console.settle()
    assert console.app.screen.session == "s0099"
    await console.press("escape")
    assert isinstance(console.app.screen, ConversationsScreen)


async def test_one_that_a_session_holds_is_read_live(console: ConsoleFixture) -> None:
    await console.press("enter")
    screen = console.app.screen
    assert isinstance(screen, TranscriptScreen)
    assert screen.session == "s0008"
    assert "rg -n lease_timeout" in console.text


STARTS = ev.SessionStarting(session="s0099", profile="default", tenant="default", backend="claude", conversation=ASLEEP)
LEAVES = ev.SessionChanged(session="s0099", state=ev.SessionState.STOPPING, reason="hibernated")
ENDS = ev.SessionEnded(session="s0099", how="eof")
MOVES = ev.SessionBound(session="s0099", conversation="another", user="")
AGAIN = ev.SessionStarting(session="s0100", profile="default", tenant="default", backend="claude", conversation=ASLEEP)


@pytest.mark.parametrize(
    "happened",
    [[STARTS, LEAVES], [STARTS, LEAVES, ENDS], [STARTS, MOVES]],
    ids=["the session leaves", "it has ended", "it holds another one now"],
)
@pytest.mark.parametrize("listed", ["", "s0099"], ids=["as the list knows", "which the list does not know yet"])
async def test_one_whose_session_goes_is_read_as_one_that_sleeps_until_the_next_session_has_it(
    console: ConsoleFixture, happened: list[ev.AnyEvent], listed: str
) -> None:
    console.feed.conversations[1]["session"] = listed
    await console.press("r")
    await _push(console, *happened)
    await console.press("j", "enter")
    await console.settle()
    _sleeps(console)
    await _push(console, AGAIN)
    assert _page(console).session == "s0100"


@pytest.mark.parametrize("happened", [[LEAVES], [LEAVES, ENDS], [MOVES]])
async def test_a_page_goes_on_with_the_conversation_and_not_with_the_session(
    console: ConsoleFixture, happened: list[ev.AnyEvent]
) -> None:
    console.feed.said["s0099"] = [TranscriptEntry(0, scene.NOW, "assistant", "", "Here.")]
    await _push(console, STARTS)
    await console.press("j", "enter")
    await console.settle()
    assert _page(console).session == "s0099"
    await _push(console, *happened)
    if MOVES in happened:
        other = TranscriptEntry(1, scene.NOW, "assistant", "", "of another conversation")
        console.feed.said["s0099"] = [*console.feed.said["s0099"], other]
    await console.settle()
    _sleeps(console)
    assert "of another conversation" not in console.text
    await _push(console, AGAIN)
    assert _page(console).session == "s0100"


async def _push(console: ConsoleFixture, *events: ev.AnyEvent) -> None:
    console.feed.push(scene.NOW + 1, *events)
    await console.settle()
    await console.settle()


def _page(console: ConsoleFixture) -> TranscriptScreen:
    screen = console.app.screen
    assert isinstance(screen, TranscriptScreen)
    return screen


def _sleeps(console: ConsoleFixture) -> None:
    """The page of a conversation that no session holds."""
    assert "◦ asleep" in console.text
    assert "P goes on with it" in console.text
    assert "Here." in console.text
    assert "I interrupt" not in console.text


async def test_it_is_gone_on_with_forked_and_named(console: ConsoleFixture) -> None:
    await console.press("j", "P")
    await console.type("again")
    await console.press("enter", "escape")
    await console.press("F", "enter")
    await console.press("N", *("backspace",) * 30)
    await console.type("new")
    await console.press("enter")
    assert console.feed.calls == [
        ("prompt", "again", ASLEEP, "default"),
        ("fork", ASLEEP, "find the flaky test (fork)"),
        ("change", ASLEEP, "new", None),
    ]


async def test_it_is_archived_and_brought_back_by_the_same_key(console: ConsoleFixture) -> None:
    await console.press("j", "A")
    await console.press("z")
    await console.settle()
    assert "an old story" in console.text
    assert "find the flaky test" not in console.text
    await console.press("A")
    assert console.feed.calls == [("change", ASLEEP, None, True), ("change", AWAY, None, False)]
    await console.press("z")
    await console.settle()
    assert "find the flaky test" in console.text


async def test_nothing_is_deleted_without_a_yes(console: ConsoleFixture) -> None:
    await console.press("j", "X")
    assert "cannot be undone" in console.text
    assert f"quarterdeck conversations delete {ASLEEP}" in console.text
    await console.press("escape")
    assert console.feed.calls == []
    await console.press("X", "enter")
    assert console.feed.calls == [("delete", ASLEEP)]


async def test_acts_for_one_are_done_to_the_row_under_the_cursor_whatever_is_marked(console: ConsoleFixture) -> None:
    await console.press("space", "N")  # the first is marked, the cursor is on the second
    assert ASLEEP[:8] in console.text
    await console.press("escape", "F", "enter")
    assert console.feed.calls == [("fork", ASLEEP, "find the flaky test (fork)")]


async def test_a_list_that_could_not_be_read_is_read_again_and_says_so_meanwhile(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = FakeFeed(scene.tape())
    feed.conversations = rows()
    answer, busy = feed.send, [True]

    async def send(operation: Any, args: Any) -> Any:
        if operation.id == "conversations.list" and busy:
            busy.clear()
            raise QuarterdeckError("The file is busy.")
        return await answer(operation, args)

    monkeypatch.setattr(feed, "send", send)
    async with console_fixture(feed, clock, SMALL) as console:
        await console.press("0")
        await console.settle()
        assert "The file is busy." in console.text
        assert "no conversation yet" not in console.text
        clock.advance(AGAIN_S)
        await console.settle()
        await console.settle()
        assert "refactor queue" in console.text


async def test_what_others_do_is_seen_after_a_while(console: ConsoleFixture, clock: ManualClock) -> None:
    console.feed.conversations = [{"id": "c7", "title": "named by another"}]
    clock.advance(SELDOM_S)
    await console.settle()
    await console.settle()
    assert "named by another" in console.text


async def test_a_conversation_without_a_transcript_is_not_exported(console: ConsoleFixture, tmp_path: Path) -> None:
    await console.press("E", "enter")
    await console.settle()
    assert not (tmp_path / "exports").exists()
    assert any("Nothing is exported" in told for told in console.told)


async def test_the_marked_ones_are_archived_together(console: ConsoleFixture) -> None:
    await console.press("space", "space", "x", "A")
    assert sorted(console.feed.calls) == sorted([("change", LIVE, None, True), ("change", ASLEEP, None, True)])


async def test_its_text_is_exported_also_where_nothing_may_be_acted_on(console: ConsoleFixture, tmp_path: Path) -> None:
    await console.press("ctrl+r", "j", "E", "enter")
    await console.settle()
    (file,) = (tmp_path / "exports").iterdir()
    text = file.read_text()
    assert "where is it?" in text
    assert "Here." in text
    await console.press("A")
    assert console.feed.calls == []
    assert any("Read-only" in told for told in console.told)


async def test_a_refusal_is_shown_and_the_list_stays(console: ConsoleFixture) -> None:
    console.feed.refusal = QuarterdeckError("Session s0008 holds it.", remedy="hibernate it")
    await console.press("A")
    assert any("Session s0008 holds it." in told for told in console.told)
    assert "refactor queue" in console.text


async def test_the_list_is_read_again_when_something_happened_and_not_each_time(
    console: ConsoleFixture, clock: ManualClock
) -> None:
    console.feed.conversations = [{"id": "c7", "title": "a new one"}]
    clock.advance(AGAIN_S)
    await console.settle()
    assert "a new one" not in console.text
    console.feed.push(clock.wall(), ev.SessionStarting(session="s0077", profile="p", tenant="t", backend="claude"))
    await console.settle()
    await console.settle()
    assert "a new one" in console.text


async def test_filters_know_its_columns(console: ConsoleFixture) -> None:
    await console.press("slash")
    await console.type("state:asleep")
    await console.press("enter")
    assert "find the flaky test" in console.text
    assert "refactor queue" not in next(line for line in console.lines if "1 of 2" in line)
    assert not any("● running" in line for line in console.lines)


async def test_in_the_past_there_is_no_list_and_it_says_so(console: ConsoleFixture) -> None:
    await console.press("left_square_bracket")
    assert "no recording holds the list" in console.text
    assert "find the flaky test" not in console.text


async def test_without_any_it_says_what_starts_one(clock: ManualClock) -> None:
    async with console_fixture(FakeFeed(scene.tape()), clock, SMALL) as made:
        await made.press("0")
        await made.settle()
        assert "no conversation yet" in made.text
        for key in ("enter", "A", "X", "E", "x"):
            await made.press(key)
        assert made.feed.calls == []


async def test_what_an_agent_wrote_in_its_title_is_no_markup_and_no_control(clock: ManualClock) -> None:
    feed = FakeFeed(scene.tape())
    feed.conversations = [
        {"title": "[red]\x1b[31mx\u202e", "last_words": "a\x9b2Jb", "user": "[b]", "directory": "/\x1b]0;"}
    ]
    async with console_fixture(feed, clock, SMALL) as made:
        await made.press("0")
        await made.settle()
        assert "[red]" in made.text
        assert "\x1b" not in made.text
        for key in ("F", "escape", "N", "escape", "X", "escape", "P", "escape", "E", "escape", "enter"):
            await made.press(key)
            assert not {"\x1b", "\x9b", "\u202e"} & set(made.text)
