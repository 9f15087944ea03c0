"""The grid draws what changed and nothing else, however many rows there are. Counted, never timed."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.clock import ManualClock
from engine.events import types as ev
from engine.events.state import SessionView
from engine.events.types import AnyEvent
from tests.console import scene
from tests.support.console import ConsoleFixture, FakeFeed, console_fixture
from tui.model.columns import GAP, LEAD, SESSION_COLUMNS, lay_out, recent_trend
from tui.screens.sessions import SessionsScreen
from tui.widgets.grid import Grid

MANY = 500
STEADY = 20
"""Paints of the busy pool."""


class CountingGrid:
    """How often a grid drew a row, and how many lines it asked to be drawn again."""

    def __init__(self, grid: Grid, monkeypatch: pytest.MonkeyPatch) -> None:
        self._grid = grid
        self.drawn = 0
        draw = grid._draw

        def counted(row: str) -> object:
            self.drawn += 1
            return draw(row)

        monkeypatch.setattr(grid, "_draw", counted)
        self._refreshed = grid.lines_refreshed

    @property
    def refreshed(self) -> int:
        """Lines asked for since this began."""
        return self._grid.lines_refreshed - self._refreshed


def _pool(number: int) -> list[AnyEvent]:
    events: list[AnyEvent] = [ev.EngineStarted(engine="e", pid=1, backend="claude", version="0", max_size=number)]
    for index in range(number):
        name = f"s{index:04d}"
        events.append(ev.SessionStarting(session=name, profile="default", tenant="default", backend="claude"))
        events.append(ev.SessionReady(session=name, pid=9, version="2", start_s=0.5))
        events.append(ev.TurnStarted(request=f"r{index}", session=name, user="ana", prompt=f"prompt {index}"))
    return events


@pytest.fixture
async def crowd(clock: ManualClock) -> AsyncIterator[ConsoleFixture]:
    """Five hundred running sessions, without the drawer."""
    feed = FakeFeed()
    feed.push(scene.NOW - 4, *_pool(MANY))
    async with console_fixture(feed, clock) as console:
        await console.press("2", "d")
        yield console


def _grid(console: ConsoleFixture) -> Grid:
    screen = console.app.screen
    assert isinstance(screen, SessionsScreen)
    return screen.grid


async def test_a_paint_without_news_draws_nothing(crowd: ConsoleFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    count = CountingGrid(_grid(crowd), monkeypatch)
    await crowd.settle()
    assert (count.drawn, count.refreshed) == (0, 0)


async def test_one_change_draws_one_line_and_a_change_out_of_sight_none(
    crowd: ConsoleFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = CountingGrid(_grid(crowd), monkeypatch)
    crowd.feed.push(scene.NOW, ev.TurnActivity(session="s0400", activity="Bash make"))
    await crowd.settle()
    assert (count.drawn, count.refreshed) == (0, 0)
    crowd.feed.push(scene.NOW, ev.TurnActivity(session="s0003", activity="Bash make"))
    await crowd.settle()
    assert (count.drawn, count.refreshed) == (1, 1)
    await crowd.settle()  # the changed cell was bold for one paint
    assert (count.drawn, count.refreshed) == (2, 2)
    await crowd.settle()
    assert (count.drawn, count.refreshed) == (2, 2)


async def test_a_busy_pool_of_500_costs_at_most_its_changed_lines_in_sight(
    crowd: ConsoleFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid, rng = _grid(crowd), random.Random(1)
    count, in_sight = CountingGrid(grid, monkeypatch), 0
    for paint in range(STEADY):
        changed = rng.sample(range(MANY), MANY // 10)
        names = [f"s{index:04d}" for index in changed]
        crowd.feed.push(scene.NOW, *(ev.TurnActivity(session=name, activity=f"step {paint}") for name in names))
        in_sight += len(set(names) & set(grid.shown.order[: grid.page]))
        await crowd.settle()
    # Twice: as news in bold, and plain again.
    assert 0 < count.drawn <= 2 * in_sight
    assert count.refreshed == count.drawn
    assert count.drawn < STEADY * grid.page / 2


async def test_moving_the_cursor_draws_the_two_rows_it_leaves_and_enters(
    crowd: ConsoleFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = CountingGrid(_grid(crowd), monkeypatch)
    await crowd.press("j")
    assert (count.drawn, count.refreshed) == (2, 2)


async def test_the_cursor_and_the_marks_are_sessions_not_places(crowd: ConsoleFixture) -> None:
    grid = _grid(crowd)
    await crowd.press("j", "j", "space")
    assert (grid.shown.cursor, grid.shown.marks) == ("s0003", {"s0002"})
    crowd.feed.push(scene.NOW, *(ev.SessionEnded(session=f"s{n:04d}", how="eof") for n in (0, 1)))
    await crowd.settle()
    assert (grid.shown.cursor, grid.shown.index, grid.shown.marks) == ("s0003", 1, {"s0002"})
    crowd.feed.push(scene.NOW, ev.SessionEnded(session="s0003", how="eof"))
    await crowd.settle()
    assert grid.shown.cursor == "s0004"


async def test_the_order_is_held_while_rows_are_marked_and_on_request(crowd: ConsoleFixture) -> None:
    grid = _grid(crowd)
    grid.shown.sort = type(grid.shown.sort)("cpu", True)
    await crowd.settle()
    await crowd.press("space")
    before = list(grid.shown.order)
    crowd.feed.push(scene.NOW, ev.SessionReadings(readings=[ev.Reading("s0300", 90.0, 1)]))
    await crowd.settle()
    assert grid.shown.order == before
    assert "held" in crowd.lines[2]
    await crowd.press("u")
    assert grid.shown.order[0] == "s0300"
    await crowd.press("o")
    crowd.feed.push(scene.NOW, ev.SessionReadings(readings=[ev.Reading("s0301", 95.0, 1)]))
    await crowd.settle()
    assert grid.shown.order[0] == "s0300"


async def test_the_cursor_stays_in_sight_to_both_ends(crowd: ConsoleFixture) -> None:
    grid = _grid(crowd)
    await crowd.press("G")
    assert grid.shown.cursor == f"s{MANY - 1:04d}"
    assert f"▌ s{MANY - 1:04d}" in crowd.text
    await crowd.press("pageup", "k")
    assert f"▌ {grid.shown.cursor}" in crowd.text
    await crowd.press("g")
    assert "▌ s0000" in crowd.text


@pytest.mark.parametrize(("key", "row"), [("down", 1), ("end", MANY - 1), ("pagedown", 30)])
async def test_the_arrow_keys_move_the_cursor_and_not_the_page_under_it(
    crowd: ConsoleFixture, key: str, row: int
) -> None:
    await crowd.press(key)
    assert _grid(crowd).shown.index == row
    assert f"▌ s{row:04d}" in crowd.text


async def test_a_click_chooses_a_row_and_a_click_on_a_title_sorts(crowd: ConsoleFixture) -> None:
    grid = _grid(crowd)
    await crowd.pilot.click("#grid", offset=(10, 6))
    assert grid.shown.cursor == "s0005"
    place = crowd.lines[4].index("COST")
    await crowd.pilot.click("#grid", offset=(place, 0))
    await crowd.settle()
    assert (grid.shown.sort.key, grid.shown.sort.descending) == ("cost", True)
    assert "COST▾" in crowd.text


async def test_a_terminal_that_changes_its_width_changes_the_columns(crowd: ConsoleFixture) -> None:
    assert "CTX%" in crowd.text
    await crowd.pilot.resize_terminal(70, 24)
    await crowd.settle()
    titles = next(line for line in crowd.lines if line.lstrip().startswith("ID"))
    assert "PROFILE" not in titles
    assert "PROMPT" in titles
    assert all(len(line) <= 70 for line in crowd.lines)


@given(st.integers(20, 300))
def test_the_columns_fit_their_width_and_the_least_wanted_go_first(width: int) -> None:
    layout = lay_out(SESSION_COLUMNS, width)
    kept = [column for column, _cells in layout.columns]
    gone = [column for column in SESSION_COLUMNS if column not in kept]
    assert layout.hidden == len(gone)
    assert not gone or max(column.priority for column in kept) < min(column.priority for column in gone)
    used = LEAD + sum(cells + GAP for _column, cells in layout.columns)
    if width >= 45:
        assert used <= width


def test_the_titles_of_the_columns_fit_them() -> None:
    assert all(len(column.title) <= column.width for column in SESSION_COLUMNS)


def test_a_row_tells_a_stuck_agent_from_a_busy_one() -> None:
    row = SessionView(id="s1", model="claude-opus-4-5-20251101", context=170, context_window=200, trend=[3, 9])
    row.trend_slot, row.cwd, row.conversation, row.last_used = 100, "/src/shop", "c1", 2990.0
    column = {each.key: each for each in SESSION_COLUMNS}
    shown = {key: column[key].text(row, 3005.0) for key in ("model", "context", "last", "trend", "folder")}
    assert shown == {"model": "opus-4-5", "context": "85%", "last": "15s", "trend": "      ▃█", "folder": "shop"}
    assert column["context"].role(row) == "retry"
    assert recent_trend(row, 3005.0) == [0] * 6 + [3, 9]
    assert recent_trend(row, 3065.0) == [0] * 4 + [3, 9, 0, 0]
    assert recent_trend(row, 9e9) == [0] * 8
    row.cwd = "/state/own/c1"
    assert column["folder"].text(row, 0.0) == "own"
