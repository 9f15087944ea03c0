"""Back in time from live, and in a recording: every key of it, on the console as an operator has it."""

from __future__ import annotations

import re

import pytest

from engine.base.clock import ManualClock
from engine.events import types as ev
from engine.events.recording import Recording
from engine.events.reducers.projection import Projection
from engine.events.state import Bucket, State
from engine.events.types import EventEnvelope
from tests.console import scene
from tests.support.console import ConsoleFixture, FakeFeed, console_fixture, plain
from tests.support.processes import until
from tui.console.time_travel import moment
from tui.feeds.recorded import RecordedFeed
from tui.model import history, totals
from tui.model.annotations import bar, marks, neighbour
from tui.model.history import History
from tui.render.spans import width_of
from tui.screens.dialogs import TextEntry
from tui.screens.overview import OverviewScreen
from tui.screens.tuning import TuningScreen


def _state_at(at: float) -> State:
    projection = Projection()
    for stamped in scene.tape():
        if stamped.at <= at:
            projection.apply(stamped)
    return projection.state


# what is remembered


def test_the_memory_gives_every_moment_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "STRETCH_EVENTS", 40)
    memory, projection = History(), Projection()
    for stamped in scene.tape():
        projection.apply(stamped)
        memory.add(stamped, projection.state)
    for ago in (0.0, 3.5, 61.0, 640.0, 1100.0):
        found = memory.state_at(scene.NOW - ago)
        wanted = _state_at(scene.NOW - ago)
        assert found == wanted
    assert memory.start == scene.tape()[0].at
    assert memory.state_at(memory.start - 1) is None


def test_the_memory_is_bounded_and_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "STRETCH_EVENTS", 40)
    room = 60_000
    memory, projection = History(room), Projection()
    for stamped in scene.tape():
        projection.apply(stamped)
        memory.add(stamped, projection.state)
    assert sum(stretch.size for stretch in memory._stretches) == memory._bytes
    assert memory._bytes <= room + memory._stretches[-1].size
    assert memory.start > scene.tape()[0].at
    assert memory.state_at(scene.NOW) == projection.state


# marks and the bar


def test_marks_are_causes_and_the_beginnings_of_bursts() -> None:
    state = _state_at(scene.NOW)
    buckets = [Bucket(0.0, errors=1), Bucket(10.0, errors=3), Bucket(20.0, errors=9), Bucket(30.0)]
    found = marks(buckets, state.causes)
    assert [mark.at for mark in found if mark.kind == "errors"] == [10.0]
    assert {mark.kind for mark in found} == {"errors", "tuning", "breaker", "restart"}
    last = neighbour(found, scene.NOW, -1)
    assert last is not None
    assert last.text == "tuning session pool.max size 16 → 20"
    assert neighbour(found, scene.NOW, 1) is None


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_bar_is_as_wide_as_the_screen_and_shows_where_one_is(width: int) -> None:
    found = marks([], _state_at(scene.NOW).causes)
    for at in (scene.NOW - 7200, scene.NOW - 900, scene.NOW, scene.NOW + 99):
        line = bar((scene.NOW - 3600, scene.NOW), at, found, width)
        assert width_of(line) <= width
        assert plain(line).count("▌") == 1
    assert "t" in plain(bar((scene.NOW - 3600, scene.NOW), scene.NOW, found, width))


@pytest.mark.parametrize(
    ("text", "ago"),
    [("13:47", 931.0), ("13:47:12", 919.0), ("-5m", 400.0), ("- 2h", 7300.0), ("14:03", 86400 - 29.0), ("x", None)],
)
def test_what_a_person_means_by_a_moment(text: str, ago: float | None) -> None:
    found = moment(text, scene.NOW - 100, scene.NOW)
    assert found == (None if ago is None else scene.NOW - ago)


# from live


async def test_the_past_is_shown_on_every_screen_and_the_pool_goes_on(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("less_than_sign", "comma")
        at = scene.NOW - 65
        assert "◀ PAST   1m05s ago, 14:01:26" in console.lines[1]
        assert "esc live" in console.lines[1]
        for key in "1234567":
            if key != "6":
                await console.press(key)
                assert "◀ PAST" in console.lines[1], key
                assert console.app.store.state == _state_at(at)
        feed.push(scene.NOW + 1, ev.Notice(severity=ev.Severity.INFO, text="later"))
        await console.settle()
        assert console.app.store.state == _state_at(at)
        assert console.app.store.live.recent[-1].text == "later"
        await console.press("full_stop", "greater_than_sign")
        await console.press("full_stop")
        assert "PAST" not in console.lines[1]
        await console.press("full_stop")
        assert "This is now." in console.told[-1]


async def test_escape_leads_back_to_now_before_it_leads_anywhere_else(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("7", "comma", "escape")
        assert isinstance(console.app.screen, TuningScreen)
        assert not console.app.store.past
        await console.press("escape")
        assert isinstance(console.app.screen, OverviewScreen)


async def test_events_are_gone_to_one_by_one(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("left_square_bracket")
        assert console.app.store.now == scene.NOW - 30
        assert "max size 16 → 20" in console.told[-1]
        await console.press("left_square_bracket")
        assert console.app.store.now == scene.NOW - 62
        await console.press("right_square_bracket")
        assert console.app.store.now == scene.NOW - 30
        await console.press("right_square_bracket")
        assert "No event after" in console.told[-1]
        await console.press("escape", "3", "left_square_bracket")
        assert not console.app.store.past  # Errors goes to its own cause


async def test_nothing_can_be_done_in_the_past(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        for keys in (("1", "N"), ("2", "K"), ("4", "O"), ("5", "X"), ("7", "A"), ("3", "L")):
            await console.press(keys[0], "comma", keys[1])
            assert "past cannot be acted on" in console.told[-1], keys
            await console.press("escape")
        assert feed.calls == []


async def test_it_is_said_where_the_memory_begins(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("ctrl+g")
        await console.type("-30h")
        await console.press("enter")
        assert "begins at 11:02:31" in console.told[-1]
        assert console.app.store.now == scene.NOW - scene.UP_S
        await console.press("f")
        assert "stands still already" in console.told[-1]


async def test_beyond_its_memory_the_recording_on_disk_is_read(
    feed: FakeFeed, clock: ManualClock, recording: Recording
) -> None:
    feed.poll()
    feed._state = _state_at(scene.NOW)
    feed._waiting = []
    async with console_fixture(feed, clock) as console:
        console.app.time_travel.recordings = recording.paths[0].parent
        await console.press("less_than_sign")
        await until(lambda: console.app.store.past)
        assert console.app.store.now == scene.NOW - 60
        assert console.app.store.state.sessions.keys() == _state_at(scene.NOW - 60).sessions.keys()
        await console.press("ctrl+g")
        await console.type("-9h")
        await console.press("enter")
        await console.settle()
        assert "all that is remembered" in str(console.told), console.text
        assert console.app.store.now == recording.start


async def test_find_is_for_recordings(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("ctrl+s")
        assert "quarterdeck replay" in console.told[-1]
        await console.press("space")
        assert not console.app.store.past


# frozen


async def test_the_ledger_counts_what_happened_meanwhile(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("f")
        clock.advance(18)
        failed = ev.ErrorSeen(error="r901.1", request="r901", kind="network", code="reset", text="reset")
        asked = ev.PermissionAsked(permission="p9", session="s0003", tool="Bash", summary="ls", deadline=scene.NOW + 99)
        flipped = ev.BreakerChanged(breaker="model:default", old="closed", new="open", reason="5 failures")
        feed.push(scene.NOW + 9, failed, asked, flipped)
        await console.settle()
        assert "‖ FROZEN" in console.lines[1]
        assert "1 new error · 1 new approval" in console.lines[1]
        await console.press("f")
        assert "FROZEN" not in console.lines[1]
        assert "model:default closed → open" in console.told[-1]


def test_nothing_happened_is_not_told() -> None:
    state = _state_at(scene.NOW)
    assert totals.lines(state, state) == []
    assert totals.counts(state, State()) == ("it is another engine now",)


# a recording


async def test_a_recording_is_played_stepped_and_searched(recording: Recording) -> None:
    clock = ManualClock(50.0)
    feed = RecordedFeed(recording, clock)
    first, last = recording.events().__next__().at, recording.end
    async with console_fixture(feed, clock) as console:  # type: ignore[arg-type]
        assert "▶ REPLAY" in console.lines[1]
        assert "▌" in console.lines[-2]
        await console.press("space")
        assert "‖ ×1" in console.lines[1]
        await console.press("plus", "plus", "plus")
        assert "×16" in console.lines[1]
        await console.press("minus", "space")
        clock.advance(10)
        await console.settle()
        assert console.app.store.now == first + 40
        await console.press("space", "ctrl+g")
        assert isinstance(console.app.screen, TextEntry)
        await console.type("14:00")
        await console.press("enter")
        at = scene.NOW - 151
        assert console.app.store.now == at
        assert console.app.store.state.sessions == _state_at(at).sessions
        await console.press("less_than_sign", "greater_than_sign", "comma")
        assert console.app.store.now == at - 5
        await console.press("ctrl+s")
        await console.type("rm -rf")
        await console.press("enter")
        assert console.app.store.now == scene.NOW - 4
        await console.press("left_square_bracket")
        assert console.app.store.now == scene.NOW - 30
        await console.press("greater_than_sign")
        assert console.app.store.now == last
        assert console.app.store.state.sessions == _state_at(last).sessions
        await console.press("2", "space")
        assert not console.app.screen.grid.shown.marks  # type: ignore[attr-defined]
        await console.press("K")
        assert "recording cannot be acted on" in console.told[-1]


async def test_a_damaged_recording_is_played_and_it_is_said_what_is_missing(recording: Recording) -> None:
    path = recording.paths[0]
    path.write_bytes(path.read_bytes()[:-9])
    clock = ManualClock(50.0)
    async with console_fixture(RecordedFeed(Recording(path), clock), clock) as console:  # type: ignore[arg-type]
        assert "ends in the middle of a line" in console.lines[1]


# clocks that jump


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
async def test_a_wall_clock_that_jumps_breaks_no_screen(feed: FakeFeed, clock: ManualClock, jump: float) -> None:
    async with console_fixture(feed, clock) as console:
        feed.push(scene.NOW + jump, ev.TurnActivity(session="s0002", activity="writing"))
        feed.push(scene.NOW + jump + 1, ev.SessionStarting(
            session="s0099", profile="default", tenant="default", backend="claude"))  # fmt: skip
        for key in "1234567":
            if key != "6":
                await console.press(key)
                assert not re.search(r"-\d+(\.\d)?[sh]", console.text), key
                assert "s0099" in console.text or key != "2"
        await console.press("less_than_sign", "left_square_bracket", "escape", "f", "f")
        assert not console.app.store.past


def test_stamped_events_out_of_order_of_time_are_remembered() -> None:
    memory, projection = History(), Projection()
    for number, at in enumerate((100.0, 50.0, 60.0, 7000.0), 1):
        stamped = EventEnvelope(number, at, ev.Notice(severity=ev.Severity.INFO, text=str(at)))
        projection.apply(stamped)
        memory.add(stamped, projection.state)
    assert memory.state_at(7000.0) == projection.state


async def test_tuning_in_a_recording_shows_what_changed_in_it_as_it_was(recording: Recording) -> None:
    clock = ManualClock(50.0)
    async with console_fixture(RecordedFeed(recording, clock), clock) as console:  # type: ignore[arg-type]
        await console.press("space", "7")
        for moment, value in (("13:40", "12"), ("13:50", "16"), ("14:02:20", "20"), ("13:40", "12")):
            console.app.time_travel.go_to_text(moment)
            await console.settle()
            await until(lambda value=value: f"  {value}  " in _max_size(console))
        assert "of the settings that change in this recording" in console.text
        assert "min_size" not in console.text
        await console.press("A")
        assert "recording cannot be acted on" in console.told[-1]


async def test_after_going_back_a_transcript_holds_only_what_was_known_then(recording: Recording) -> None:
    clock = ManualClock(50.0)
    feed = RecordedFeed(recording, clock, said=[("s0008", entry) for entry in scene.transcript()])
    async with console_fixture(feed, clock) as console:  # type: ignore[arg-type]
        await console.press("space")
        console.app.time_travel.go_to_text("14:02:30")
        await console.settle()
        console.app.navigation.open_transcript("s0008")
        await until(lambda: "became 24k" in console.text)
        console.app.time_travel.go_to_text("14:00:40")
        await console.settle()
        await until(lambda: "class Lease" in console.text)
        assert "became 24k" not in console.text
        assert "rg -n lease_timeout" not in console.text
        console.app.time_travel.go_to_text("14:02:30")
        await console.settle()
        await until(lambda: "became 24k" in console.text)
        assert console.text.count("queue/lease.py") == 1


def _max_size(console: ConsoleFixture) -> str:
    """The line of the setting, empty when there is none."""
    return next((line for line in console.lines if " max_size " in line[:40]), "")
