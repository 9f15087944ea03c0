"""The line `:` on the console, key by key: completion, refusals at the line, the same questions as by key, history."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Paste

from engine.base.clock import ManualClock
from engine.base.errors import NoEngine
from tests.console import scene
from tests.support.console import NORMAL, SMALL, ConsoleFixture, FakeFeed, console_fixture
from tests.support.processes import until
from tui.actions.command_line import MAX_LINE
from tui.feeds.recorded import RecordedFeed
from tui.model.link import FeedStatus, LinkState
from tui.screens.command import CommandHelp, CommandScreen, LineInput
from tui.screens.dialogs import Confirm
from tui.screens.errors import ErrorsScreen
from tui.screens.overview import OverviewScreen
from tui.screens.sessions import SessionsScreen
from tui.screens.transcript import TranscriptScreen
from tui.screens.tuning import TuningScreen

SIZE = "session_pool.max_size"


async def say(console: ConsoleFixture, line: str) -> None:
    """Type a line and run it."""
    await console.press("colon")
    await put(console, line)
    await console.press("enter")
    await console.settle()


async def put(console: ConsoleFixture, line: str) -> None:
    """A line in the place of what is typed."""
    entry = console.app.screen.query_one(LineInput)
    entry.value = line
    entry.cursor_position = len(line)
    await console.settle()


def refused(console: ConsoleFixture) -> str:
    """What the open line says is wrong."""
    assert isinstance(console.app.screen, CommandScreen)
    below = " ".join(line.strip() for line in console.lines[-4:])
    return below.partition("✖ ")[2]


@pytest.mark.parametrize("size", [NORMAL, SMALL, (40, 10)])
@pytest.mark.parametrize("key", ["1", "2", "3", "4", "5", "7"])
async def test_it_opens_on_every_screen_at_every_size(
    key: str, size: tuple[int, int], feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock, size) as console:
        await console.press(key, "colon", "g")
        assert any(line.startswith(" : g") for line in console.lines)
        assert len(console.lines) <= size[1]
        await console.press("escape")
        assert not isinstance(console.app.screen, CommandScreen)


async def test_it_opens_over_a_transcript_and_leads_away(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "enter")
        assert isinstance(console.app.screen, TranscriptScreen)
        await say(console, "go errors")
        assert isinstance(console.app.screen, ErrorsScreen)


async def test_settings_are_completed_with_the_value_in_force_and_bounds(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("colon")
        await put(console, "tune set max_si")
        await until(lambda: SIZE in console.text)
        line = next(line for line in console.lines if f"{SIZE}=" in line)
        assert " 10 " in line
        assert "1–10000" in line
        feed.live.propose({SIZE: 15}, "ana")
        feed.push(scene.NOW + 1, scene.changed(SIZE, 10, 15))
        await console.settle()
        await until(lambda: " 15 " in next(line for line in console.lines if f"{SIZE}=" in line))
        await console.press("tab")
        assert console.app.screen.query_one(LineInput).value == f"tune set {SIZE}="


async def test_a_list_is_filtered_and_sorted(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2")
        grid = console.app.screen.query_one("#grid")
        await say(console, "filter user:ana turns>1")
        assert grid.shown.order == ["s0001", "s0006"]  # type: ignore[attr-defined]
        await say(console, "filter")
        assert len(grid.shown.order) == 12  # type: ignore[attr-defined]
        await say(console, "sort cost")
        assert grid.shown.sort.key == "cost"  # type: ignore[attr-defined]
        await say(console, "sort price")
        assert "no column 'price'" in refused(console)
        await put(console, "filter cpu>much")
        await console.press("enter")
        assert "cpu" in refused(console)
        await console.press("escape", "5")
        await say(console, "filter user:hana")
        assert console.app.screen.shown.order == ["r990"]  # type: ignore[attr-defined]
        await say(console, "sort user")
        assert console.app.screen.shown.sort.key == "user"  # type: ignore[attr-defined]
        await say(console, "filter age>old")
        assert "age" in refused(console)
        await console.press("escape", "1")
        await say(console, "filter x")
        assert "This screen has no filter" in refused(console)
        await put(console, "sort cost")
        await console.press("enter")
        assert "no column" in refused(console)
        await console.press("escape", "7")
        await say(console, "filter drop strategy")
        await until(lambda: " drop_strategy " in console.text)
        assert "min_size" not in console.text


async def test_sessions_are_acted_on_with_the_questions_that_the_keys_ask(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await say(console, "interrupt s0001")
        await until(lambda: feed.calls == [("interrupt", "s0001")])
        await say(console, "kill s0001 s0002")
        assert isinstance(console.app.screen, Confirm)
        assert "type 2 to kill 2" in console.text
        await console.type("2")
        await console.press("enter", "y")
        await until(lambda: feed.calls[1:] == [("kill", "s0001"), ("kill", "s0002")])
        await say(console, "sessions stop s0004")
        assert "interrupt, end of input, SIGTERM" in console.text
        await console.press("escape")
        await say(console, "recycle s0005")
        assert "ends with its turn" in console.text
        await console.press("enter")
        await until(lambda: feed.calls[3:] == [("recycle", "s0005")])
        await say(console, "kill s009")
        assert "no session 's009'; the nearest is s0009" in refused(console)


async def test_the_pool_breakers_requests_and_permissions(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        for line, call in (
            ("scale 7", ("scale", 7)),
            ("scale auto", ("autoscale", True)),
            ("autoscale off", ("autoscale", False)),
            ("prompt write 'the' changelog", ("prompt", "write 'the' changelog", "", "default")),
            ("approve p1", ("answer", "p1", True, "once")),
            ("permissions deny p2", ("answer", "p2", False, "once")),
        ):
            await say(console, line)
            await until(lambda call=call: feed.calls[-1:] == [call])
        await say(console, "breaker open model:default")
        assert "quarterdeck breakers open model:default" in console.text
        await console.press("enter")
        await until(lambda: feed.calls[-1] == ("breaker", "model:default", "open"))
        await say(console, "cancel r990")
        assert "CANCEL r990" in console.text
        await console.press("enter")
        await until(lambda: feed.calls[-1] == ("cancel", "r990"))
        wrong = {
            "scale many": "no size",
            "autoscale x": "neither on nor off",
            "breaker open abc": "kind:name",
            "deny p9": "no permission 'p9'",
        }
        for line, said in wrong.items():
            await say(console, line)
            assert said in refused(console)
            await console.press("escape")
        feed.refusal = NoEngine("No engine answers.", remedy="Start one.")
        await say(console, "scale 8")
        assert "No engine answers." in refused(console)


async def test_settings_are_staged_and_applied_as_on_tuning(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await say(console, f"tune set {SIZE}=20 session_pool.min_size=12")
        await until(lambda: isinstance(console.app.screen, Confirm))
        assert f"same as  quarterdeck config set {SIZE}=20" in console.text
        await console.press("enter")
        await until(lambda: feed.calls == [("settings", {SIZE: 20, "session_pool.min_size": 12})])
        assert isinstance(console.app.screen, TuningScreen)
        await say(console, "tune undo")
        await until(lambda: isinstance(console.app.screen, Confirm))
        await console.press("enter")
        await until(lambda: feed.calls[-1] == ("undo",))
        assert feed.live.current.session_pool.max_size == 10


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"tune set {SIZE}=many", "it must be a whole number"),
        ("tune set session_pool.max_sise=3", "no such setting; the nearest is session_pool.max_size"),
        (f"tune set {SIZE}", "is not KEY=VALUE"),
        (f"tune set {SIZE}=10", "Nothing would change"),
        ("tune set engine.state_dir=/x", "needs a restart of the engine"),
        (f"tune set {SIZE}=1", "min_size"),
        (f"tune set {SIZE}=[", "is no value"),
    ],
)
async def test_a_value_that_tuning_refuses_is_refused_at_the_line(
    line: str, said: str, feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock) as console:
        await say(console, line)
        await until(lambda: said in refused(console))
        assert console.app.screen.query_one(LineInput).value == line
        assert feed.calls == []


async def test_an_unknown_command_stays_with_its_reason_and_goes_on(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await say(console, "gi errors")
        assert "no command 'gi'; the nearest is go" in refused(console)
        await console.press("home", "right", "delete")
        await console.press("o")
        assert refused(console) == ""
        await console.press("enter")
        assert isinstance(console.app.screen, ErrorsScreen)


async def test_acts_are_refused_read_only_in_the_past_and_in_a_recording(
    feed: FakeFeed, clock: ManualClock, tmp_path: Path
) -> None:
    async with console_fixture(feed, clock, read_only=True) as console:
        for line in ("scale 3", "kill s0001", f"tune set {SIZE}=3", "tune undo", "approve p1", "prompt x"):
            await say(console, line)
            assert "Read-only" in refused(console)
            await console.press("escape")
    other = FakeFeed(scene.tape())
    async with console_fixture(other, clock) as console:
        await say(console, "at -5m")
        assert console.app.store.past
        await say(console, "kill s0001")
        assert "past cannot be acted on" in refused(console)
        await console.press("escape")
        await say(console, "at nonsense")
        assert "is no moment" in refused(console)
        await console.press("escape")
        await say(console, "live")
        assert not console.app.store.past
        await say(console, "live")
        assert "This is now." in refused(console)
        await console.press("escape")
        other.status = FeedStatus(LinkState.LOST, "a test")
        await console.settle()
        await say(console, "scale 3")
        assert "No engine to act on." in refused(console)
    assert feed.calls == other.calls == []
    clock = ManualClock(50.0)
    async with console_fixture(RecordedFeed(scene.recorded(tmp_path), clock), clock) as console:  # type: ignore[arg-type]
        await say(console, "scale 3")
        assert "recording cannot be acted on" in refused(console)
        await console.press("escape")
        await say(console, "at 14:00")
        assert console.app.store.now == scene.NOW - 151


async def test_earlier_lines_come_back_also_in_another_run(feed: FakeFeed, clock: ManualClock, tmp_path: Path) -> None:
    async with console_fixture(feed, clock) as console:
        console.app.state_dir = tmp_path
        await say(console, "go errors")
        await say(console, "go queue")
        await console.press("colon", "up", "up")
        entry = console.app.screen.query_one(LineInput)
        assert entry.value == "go errors"
        await console.press("up", "down")
        assert entry.value == "go queue"
        await console.press("down")
        assert entry.value == ""
        await console.press("escape")
    other = FakeFeed(scene.tape())
    async with console_fixture(other, clock) as console:
        console.app.state_dir = tmp_path
        await console.press("colon", "g", "o", "up", "up", "enter")
        assert isinstance(console.app.screen, ErrorsScreen)


async def test_what_is_pasted_does_no_harm(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, SMALL) as console:
        await console.press("colon")
        entry = console.app.screen.query_one(LineInput)
        for text in (
            "\x1b[31m\x00\x07go\r\nquit\x1b]52;c;aGk=\x07",
            "ö" * 50_000,
            "\n",
            "[bold]x[/]",
            "\u202eabc\ud7ff",
        ):
            entry.value = ""
            entry.post_message(Paste(text))
            await console.settle()
            assert len(entry.value) <= MAX_LINE
            assert entry.value.isprintable()
            await console.press("enter")
            assert isinstance(console.app.screen, CommandScreen) or not entry.value
            if not isinstance(console.app.screen, CommandScreen):
                await console.press("colon")
                entry = console.app.screen.query_one(LineInput)
        assert all(ord(character) >= 32 for line in console.lines for character in line)
        assert feed.calls == []


async def test_themes_help_and_the_way_out(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, owns_engine=True) as console:
        await say(console, "theme ember")
        assert console.app.theme == "ember"
        await say(console, "theme embar")
        assert "nearest is ember" in refused(console)
        await console.press("escape")
        await say(console, "help tune")
        assert isinstance(console.app.screen, CommandHelp)
        assert "config set KEY=VALUE…" in console.text
        assert "autoscale" not in console.text
        await console.press("j", "k", "escape")
        await say(console, "help zzz")
        assert "no command 'zzz'" in refused(console)
        await console.press("escape")
        await say(console, "help")
        assert "interrupt" in console.text
        await console.press("q")
        assert isinstance(console.app.screen, OverviewScreen)
        await say(console, "quit")
        assert isinstance(console.app.screen, Confirm)
        assert "drain" in console.text


async def test_an_empty_line_closes_it_and_the_screen_below_goes_on(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2", "colon", "colon")
        assert isinstance(console.app.screen, CommandScreen)
        assert "12 of 12" in console.text
        await put(console, "")
        await console.press("enter")
        assert isinstance(console.app.screen, SessionsScreen)


async def test_an_operation_is_confirmed_and_then_sent(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await say(console, "profiles drain ci")
        await until(lambda: "what happens" in console.text)
        assert feed.calls == []
        await console.press("enter")
        await until(lambda: feed.calls == [("drain", "ci")])
        await until(lambda: "ci: 2 sessions ended." in console.told)
