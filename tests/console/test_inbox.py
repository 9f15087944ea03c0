"""The inbox of approvals: one row an action, keys that arm, and answers that never slip to another group."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.approvals.groups import PermissionGroup, groups_of
from engine.base.clock import ManualClock
from engine.base.errors import NotFound
from engine.events import types as ev
from engine.events.reducers.projection import Projection
from tests.console import scene
from tests.support.console import NORMAL, SMALL, ConsoleFixture, FakeFeed, console_fixture, plain
from tui.actions.press_guard import ARMING_S
from tui.model.input_view import InputView
from tui.model.link import FeedStatus, LinkState
from tui.model.list_state import ListState
from tui.render.spans import width_of
from tui.screens import inbox_lines as draw
from tui.screens.inbox import Inbox
from tui.screens.overview import OverviewScreen
from tui.screens.transcript import TranscriptScreen


@pytest.fixture
def feed() -> FakeFeed:
    """The scene with eight requests in seven groups."""
    made = FakeFeed(scene.tape(), {"s0008": scene.transcript()})
    for ago, event in scene.crowd():
        made.push(scene.NOW - ago, event)
    return made


def groups() -> list[PermissionGroup]:
    """The groups of the scene, in the inbox's order."""
    projection = Projection()
    for stamped in scene.tape():
        projection.apply(stamped)
    for number, (ago, event) in enumerate(scene.crowd(), 1):
        projection.apply(ev.EventEnvelope(projection.state.seq + number, scene.NOW - ago, event))
    return groups_of(projection.state.permissions.values())


KEYS = [group.key for group in groups()]


@asynccontextmanager
async def inbox(feed: FakeFeed, clock: ManualClock, size: tuple[int, int] = NORMAL) -> AsyncIterator[ConsoleFixture]:
    """The inbox, open and armed."""
    async with console_fixture(feed, clock, size) as console:
        await console.press("exclamation_mark")
        await arm(console, clock)
        yield console


async def arm(console: ConsoleFixture, clock: ManualClock) -> None:
    """Let the card be in sight for long enough."""
    clock.advance(ARMING_S)
    await console.settle()


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("A", (True, "once", "", "")),
        ("C", (True, "conversation", "", "")),
        ("D", (False, "once", "", "")),
    ],
)
async def test_a_key_answers_the_whole_group_under_the_cursor(
    key: str, answer: tuple[object, ...], feed: FakeFeed, clock: ManualClock
) -> None:
    async with inbox(feed, clock) as console:
        assert "armed ▮▮▮" in console.text
        await console.press("j")
        await arm(console, clock)
        await console.press(key)
        if key == "D":  # it asks why, and enter alone gives no reason
            await console.press("enter")
        assert feed.calls == [("answer_group", KEYS[1], *answer)]
        assert console.told[0].split()[0] in {"Allowed", "Denied"}


async def test_keys_arm_after_a_card_appears_and_again_after_each_answer(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("exclamation_mark", "A")
        assert feed.calls == []
        assert "only just appeared" in console.told[0]
        await arm(console, clock)
        await console.press("A", "A")  # a double press
        assert len(feed.calls) == 1
        await arm(console, clock)
        await console.press("j", "A")  # another card has come under the finger
        assert len(feed.calls) == 1


async def test_the_next_card_never_slides_under_the_finger(feed: FakeFeed, clock: ManualClock) -> None:
    async with inbox(feed, clock) as console:
        for name in ("p1", "p8"):  # somebody else has answered the group under the cursor
            feed.push(scene.NOW + 1, ev.PermissionAnswered(permission=name, session="s0008", allowed=True, by="ben"))
        await console.settle()
        await console.press("A")
        assert feed.calls == []
        await arm(console, clock)
        await console.press("A")
        assert feed.calls == [("answer_group", KEYS[1], True, "once", "", "")]


async def test_a_graver_group_that_comes_in_above_moves_no_answer(feed: FakeFeed, clock: ManualClock) -> None:
    async with inbox(feed, clock) as console:
        await console.press("j")
        await arm(console, clock)
        feed.push(scene.NOW + 1, scene.asked("p9", "s0004", "Bash", "rm -rf /", "Bash: rm -rf /", "delete", 0))
        await console.settle()
        await console.press("D", "enter")
        assert feed.calls == [("answer_group", KEYS[1], False, "once", "", "")]


async def test_a_grant_for_the_profile_asks_how_long_with_the_facts(feed: FakeFeed, clock: ManualClock) -> None:
    async with inbox(feed, clock) as console:
        await console.press("O")
        assert "ALLOW FROM NOW ON" in console.text
        assert f"allow-group {KEYS[0][:8]} --scope profile" in console.text
        await console.press("escape")
        assert feed.calls == []
        await arm(console, clock)
        await console.press("O", "k", "enter")
        assert feed.calls == [("answer_group", KEYS[0], True, "profile", "", "1h")]


async def test_a_denial_says_why(feed: FakeFeed, clock: ManualClock) -> None:
    async with inbox(feed, clock) as console:
        await console.press("D")
        await console.press("escape")
        assert feed.calls == []
        await arm(console, clock)
        await console.press("D")
        await console.type("use make clean")
        await console.press("enter")
        assert feed.calls == [("answer_group", KEYS[0], False, "once", "use make clean", "")]


async def test_marked_groups_are_answered_alike_and_the_order_is_held_meanwhile(
    feed: FakeFeed, clock: ManualClock
) -> None:
    async with inbox(feed, clock) as console:
        await console.press("M")
        assert console.told == ["No group is marked; space marks one."]
        await console.press("space", "j", "space")
        feed.push(scene.NOW + 1, scene.asked("p9", "s0004", "Bash", "rm -rf /", "Bash: rm -rf /", "delete", 0))
        await console.settle()
        assert console.text.index("frob") < console.text.index("rm -rf / ")
        await console.press("M")
        assert "ANSWER 2 GROUPS" in console.text
        await console.press("enter", "enter")  # deny is where the cursor is; no reason is given
        assert feed.calls == [("answer_group", KEYS[at], False, "once", "", "") for at in (0, 2)]
        assert console.told[-1] == "Denied 2 requests, 2 of 3 inputs read."


async def test_what_the_engine_refuses_is_told_for_each_and_the_rest_is_answered(
    feed: FakeFeed, clock: ManualClock
) -> None:
    feed.refusal = NotFound("No permission of group k waits.", remedy="Look again.")
    async with inbox(feed, clock) as console:
        await console.press("A")
        assert console.told == ["No permission of group k waits. Look again."]
        assert isinstance(console.app.screen, Inbox)


async def test_enter_shows_the_context_and_escape_leads_back(feed: FakeFeed, clock: ManualClock) -> None:
    async with inbox(feed, clock) as console:
        await console.press("enter")
        assert isinstance(console.app.screen, TranscriptScreen)
        assert console.app.screen.session == "s0008"
        assert "▲ delete" in console.text
        assert "nearest Bash: make test" in console.text
        assert "same ×2, ! answers all" in console.text
        await console.press("exclamation_mark", "j", "enter")
        assert isinstance(console.app.screen, TranscriptScreen)
        assert console.app.screen.session == "s0002"
        await console.press("escape")
        assert isinstance(console.app.screen, OverviewScreen)


async def test_the_inbox_opens_and_closes_with_one_key_and_shows_its_keys(feed: FakeFeed, clock: ManualClock) -> None:
    async with inbox(feed, clock) as console:
        await console.press("question_mark")
        assert "allow for the profile" in console.text
        await console.press("escape", "exclamation_mark")
        assert isinstance(console.app.screen, OverviewScreen)


async def test_a_click_puts_the_cursor_on_a_row(feed: FakeFeed, clock: ManualClock) -> None:
    async with inbox(feed, clock) as console:
        at = next(y for y, line in enumerate(console.lines) if "docker compose" in line)
        await console.pilot.click(offset=(30, at))
        await arm(console, clock)
        await console.press("D", "enter")
        assert feed.calls == [("answer_group", KEYS[5], False, "once", "", "")]


async def test_a_click_below_the_rows_drawn_or_beside_the_box_moves_nothing(feed: FakeFeed, clock: ManualClock) -> None:
    async with inbox(feed, clock, SMALL) as console:
        screen = console.app.screen
        assert isinstance(screen, Inbox)
        before, lines = screen.shown.cursor, screen.query_one("#lines").region
        last = max(y for y, line in enumerate(console.lines) if "×" in line and "│" in line)
        for y in range(last + 1, lines.bottom):
            await console.pilot.click(offset=(lines.x + 30, y))
            assert screen.shown.cursor == before, y
        await console.pilot.click(offset=(lines.x - 3, last))
        assert screen.shown.cursor == before


async def test_nothing_waits_so_nothing_opens_and_an_emptied_inbox_says_so(clock: ManualClock) -> None:
    feed = FakeFeed(scene.tape())
    async with inbox(feed, clock) as console:
        for name in ("p1", "p2"):
            feed.push(scene.NOW + 1, ev.PermissionAnswered(permission=name, session="s0008", allowed=True, by="ben"))
        await console.settle()
        assert "NOTHING WAITS" in console.text
        await console.press("A", "enter", "space", "j")
        assert feed.calls == []
        assert console.told == ["Nothing waits for an approval."]
        await console.press("escape", "exclamation_mark")
        assert isinstance(console.app.screen, OverviewScreen)


async def test_read_only_and_a_recording_refuse_and_offer_no_answer(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, read_only=True) as console:
        await console.press("exclamation_mark")
        await arm(console, clock)
        await console.press("A", "D", "O", "E")
        assert all("Read-only" in text for text in console.told)
        assert "A allow once" not in console.text
    recorded = FakeFeed(scene.tape())
    recorded.status = FeedStatus(LinkState.REPLAY, "rec")
    async with inbox(recorded, clock) as console:
        await console.press("A")
        assert console.told == ["A recording cannot be acted on."]
    assert feed.calls == recorded.calls == []


async def test_nothing_is_answered_in_a_window_too_small_to_show_it(feed: FakeFeed, clock: ManualClock) -> None:
    async with inbox(feed, clock, (50, 12)) as console:
        await console.press("A")
        assert feed.calls == []
        assert "too small" in console.told[0]


@pytest.mark.parametrize("width", [60, 70, 89, 90, 106])
def test_every_line_fits_and_no_letter_of_an_agent_is_drawn_raw(width: int) -> None:
    found = groups()
    shown = ListState(draw.GROUPS)
    shown.take(found, scene.NOW)
    shown.go(5)
    shown.mark()
    table, first = draw.rows(shown, scene.NOW, width, 4)
    cards = [
        line
        for group in [*found, None]
        for line in draw.card(
            group, InputView("p1"), scene.NOW, "▮▮▮", width, draw.LEAST_CARD, draw.Leaf(), None, "All are answered."
        )
    ]
    assert first == 3
    assert len(cards) == draw.LEAST_CARD * (len(found) + 1)
    for line in [draw.head(shown, width), *table, *cards]:
        assert width_of(line) <= width, plain(line)
    assert "◆" in plain(table[2])


@pytest.mark.parametrize("size", [NORMAL, SMALL])
async def test_two_hundred_groups_are_walked_by_keyboard(size: tuple[int, int], clock: ManualClock) -> None:
    feed = FakeFeed(scene.tape())
    for number in range(200):
        feed.push(
            scene.NOW, scene.asked(f"x{number}", "s0001", "Bash", f"rm x{number}", f"Bash: rm x{number}", "delete", 0)
        )
    async with inbox(feed, clock, size) as console:
        assert "202 waiting in 202 groups" in console.text
        await console.press(*["j"] * 60)
        await arm(console, clock)
        screen = console.app.screen
        assert isinstance(screen, Inbox)
        assert screen.group is not None
        assert f"▌      0s  s0001   Bash      {screen.group.summary}" in console.text
        await console.press("D", "enter")
        assert feed.calls == [("answer_group", screen.group.key, False, "once", "", "")]
