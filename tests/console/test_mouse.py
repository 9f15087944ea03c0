"""The mouse: what names a key can be clicked, and does what the key does."""

from __future__ import annotations

import pytest

from engine.base.clock import ManualClock
from tests.support.console import NORMAL, SMALL, ConsoleFixture, FakeFeed, console_fixture
from tests.support.processes import until
from tui.render.spans import Line, key_at
from tui.screens.help import Help
from tui.screens.inbox import Inbox
from tui.screens.overview import OverviewScreen
from tui.screens.sessions import SessionsScreen

SIZES = [NORMAL, SMALL]


async def click(console: ConsoleFixture, text: str, *, row: int | None = None, inside: int = 0) -> None:
    """Click on a text where it is on the screen, in line `row` when there are several."""
    at = next(
        y for y, line in enumerate(console.lines) if text in line and (row is None or y == row % len(console.lines))
    )
    await console.pilot.click(offset=(console.lines[at].index(text) + inside, at))
    await console.settle()


def test_a_click_on_a_key_or_on_what_it_does_means_the_key() -> None:
    line: Line = [(" ", ""), ("A", "key"), (" allow  ", "muted"), ("f1", "key"), (" help", "muted"), ("  end", "")]
    drawn = " A allow  f1 help  end"
    found = [key_at(line, x) for x in range(len(drawn) + 1)]
    assert found == ["", *["A"] * 9, *["f1"] * 7, *[""] * 6]
    assert key_at(line, -1) == ""
    assert key_at([], 0) == ""


@pytest.mark.parametrize("size", SIZES)
async def test_the_screens_in_line_one_are_clicked_open(
    size: tuple[int, int], feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock, size) as console:
        await click(console, " 2 ", row=0, inside=1)
        assert isinstance(console.app.screen, SessionsScreen)
        await click(console, "prod-eu", row=0)
        await click(console, "[2", row=0)
        assert isinstance(console.app.screen, SessionsScreen)
        await click(console, " 1 ", row=0, inside=1)
        assert isinstance(console.app.screen, OverviewScreen)


@pytest.mark.parametrize("size", SIZES)
async def test_the_last_line_and_the_hint_of_the_health_line_are_clicked(
    size: tuple[int, int], feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock, size) as console:
        await click(console, "? keys", row=-1, inside=3)
        assert isinstance(console.app.screen, Help)
        await console.press("escape")
        await click(console, "freeze", row=-1)
        assert "FROZEN" in console.lines[1]
        await click(console, "f unfreeze", row=1)
        assert "FROZEN" not in console.lines[1]
        await click(console, "! review", row=1, inside=4)
        assert isinstance(console.app.screen, Inbox)


async def test_the_five_lines_of_a_tiny_terminal_are_clicked_too(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, (40, 10)) as console:
        await click(console, "? keys")
        assert isinstance(console.app.screen, Help)


@pytest.mark.parametrize("size", SIZES)
async def test_a_row_is_clicked_to_and_the_sorting_below_it(
    size: tuple[int, int], feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock, size) as console:
        await console.press("2")
        await click(console, "s0006")
        grid = console.app.screen.grid  # type: ignore[attr-defined]
        assert grid.shown.cursor == "s0006"
        await click(console, "sort", row=-1)
        assert "SORT BY" in console.text


async def test_an_act_is_clicked_in_the_last_line_once_it_has_rested_there(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2")
        clock.advance(1.0)
        await click(console, "I interrupt", row=-1, inside=3)
        assert feed.calls == [("interrupt", "s0001")]
        await console.press("z")
        await click(console, "s0008")
        await until(lambda: "A allow" in console.lines[-1])
        await click(console, "A allow", row=-1)
        assert "moved there just now" in console.told[-1]
        clock.advance(1.0)
        await console.settle()
        await click(console, "A allow", row=-1)
        assert feed.calls[1:] == [("answer", "p1", True, "once")]


@pytest.mark.parametrize("size", SIZES)
async def test_a_click_on_an_approval_card_answers_it_once_it_is_armed(
    size: tuple[int, int], feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock, size) as console:
        console.app.navigation.open_transcript("s0008")
        await until(lambda: "allow once" in console.text)
        await click(console, "allow once")
        assert feed.calls == []
        assert "moved there just now" in console.told[-1]
        clock.advance(1.0)
        await console.settle()
        await click(console, "allow once")
        assert feed.calls == [("answer", "p1", True, "once")]


@pytest.mark.parametrize("size", SIZES)
async def test_a_group_of_the_inbox_is_clicked_and_answered_by_a_click(
    size: tuple[int, int], feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock, size) as console:
        await console.press("exclamation_mark")
        clock.advance(1.0)
        await console.settle()
        await click(console, "s0010")
        await click(console, "deny  ")
        assert feed.calls == []
        assert "only just appeared" in console.told[-1]
        clock.advance(1.0)
        await console.settle()
        await click(console, "deny  ")
        await console.press("enter")
        assert [call[0] for call in feed.calls] == ["answer_group"]
        assert feed.calls[0][2] is False


async def test_the_question_below_the_grid_is_answered_by_a_click(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, SMALL) as console:
        await console.press("2", "z", "g")
        await click(console, "s0010")
        await until(lambda: "D deny" in console.text)
        clock.advance(1.0)
        await console.settle()
        await click(console, "D deny", inside=3)
        await console.press("enter")
        assert feed.calls == [("answer", "p2", False, "once")]


@pytest.mark.parametrize("size", SIZES)
async def test_an_option_is_tried_by_a_click_and_taken_by_another(
    size: tuple[int, int], feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock, size) as console:
        await console.press("T")
        await click(console, "Paper, light")
        assert console.app.theme == "paper"
        await click(console, "SAMPLE")
        assert "SAMPLE" in console.text
        await click(console, "Paper, light")
        assert "SAMPLE" not in console.text
        assert console.app.theme == "paper"
