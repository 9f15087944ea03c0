"""Errors, Recovery and Queue: what they say of the state, and every key of theirs."""

from __future__ import annotations

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import NotFound
from engine.events.reducers.projection import Projection
from engine.events.state import State
from tests.console import scene
from tests.support.console import FakeFeed, console_fixture
from tests.support.processes import until
from tui.model import timeline
from tui.screens.dialogs import Chooser, Confirm
from tui.screens.overview import OverviewScreen
from tui.screens.recovery_lines import strip
from tui.screens.transcript import TranscriptScreen
from tui.screens.tuning import TuningScreen

OVERLOADED, RESET = "resource/overloaded", "network/reset"


@pytest.fixture
def state() -> State:
    """The scene as the screens see it."""
    projection = Projection()
    for stamped in scene.tape():
        projection.apply(stamped)
    return projection.state


def test_classes_are_counted_by_minute_and_sorted_by_how_many(state: State) -> None:
    rows = timeline.rows(state, scene.NOW, 60)
    assert [(row.name, row.total) for row in rows] == [(OVERLOADED, 24), (RESET, 8)]
    assert sum(rows[0].counts[-16:-9]) == 24
    assert rows[0].change == -1.0
    assert timeline.rows(state, scene.NOW + 7200, 60) == []


def test_the_likely_cause_is_what_changed_just_before_the_rise(state: State) -> None:
    overloaded, reset = timeline.rows(state, scene.NOW, 60)
    said = timeline.likely_cause(state, overloaded, scene.NOW)
    assert said == ["They rose within two minutes of tuning session_pool.max_size 12 → 16 by kim."]
    cause = timeline.rise_cause(state, overloaded, scene.NOW)
    assert cause is not None
    assert (cause.subject, cause.before) == ("session_pool.max_size", "12")
    state.causes = [each for each in state.causes if each.mark == "breaker"]
    assert timeline.likely_cause(state, overloaded, scene.NOW) == []
    for error in timeline.cell(state, RESET, None)[:6]:
        error.session = "s0003"
    assert "of session s0003" in timeline.likely_cause(state, reset, scene.NOW)[0]


def test_what_is_shared_by_the_errors_of_a_cell(state: State) -> None:
    errors = timeline.cell(state, OVERLOADED, None)
    (found,) = timeline.error_groups(errors)
    assert (found.count, found.sessions, found.rule, found.recovered) == (24, 5, "overloaded", 0)
    minute = errors[0].at - errors[0].at % 60
    assert 0 < len(timeline.cell(state, OVERLOADED, minute)) < 24
    assert timeline.cell(state, OVERLOADED, minute - 600) == []


def test_a_strip_shows_the_gravest_state_of_each_step_and_the_first_one_before_any_flip(state: State) -> None:
    drawn = strip(state.causes, "model:default", "closed", scene.NOW, 40)
    assert len(drawn) == 40
    assert drawn.strip("·") in {"██", "███"}
    assert strip(state.causes, "credential:acct-3", "half_open", scene.NOW, 30)[-1] == "▒"
    assert strip([], "new", "open", scene.NOW, 5) == "█████"


async def test_errors_are_gone_through_by_class_minute_cause_and_sample(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("3")
        assert "SAMPLE 1 of 24" in console.text
        await console.press("n")
        assert "SAMPLE 2 of 24" in console.text
        await console.press("left_square_bracket", "left_square_bracket")
        assert "13:50  resource/overloaded" in console.text
        await console.press("left")
        assert "13:49  resource/overloaded  7 errors" in console.text
        await console.press("right", "right_square_bracket", "j")
        assert "▌ network/reset" in console.text
        await console.press("k", "enter")
        assert "no session" in console.told[-1] or isinstance(console.app.screen, TranscriptScreen)
        await console.press("escape", "escape")
        assert isinstance(console.app.screen, OverviewScreen)


async def test_a_class_is_corrected_and_the_way_back_named(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("3", "L")
        assert isinstance(console.app.screen, Chooser)
        await console.press("j", "enter")
        assert feed.calls == [("correct", "r078.1", "timeout")]
        assert "classify forget learned-1" in console.told[-1]
        feed.refusal = NotFound("There is no error r078.1.", remedy="It is too old.")
        await console.press("L", "j", "enter")
        assert "There is no error r078.1." in console.told[-1]
        await console.press("L", "enter")
        assert len(feed.calls) == 1


async def test_the_tuning_change_before_the_rise_is_staged_the_other_way_round(
    feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("3", "U")
        assert isinstance(console.app.screen, TuningScreen)
        await until(lambda: "10 → 12" in console.text)
        assert feed.calls == []
        await console.press("3", "j", "U")
        assert "No tuning change stands just before" in console.told[-1]


async def test_a_healthy_hour_says_so(clock: ManualClock) -> None:
    quiet = [one for one in scene.tape() if type(one.event).__name__ not in {"ErrorSeen", "RecoveryStarted"}]
    async with console_fixture(FakeFeed(quiet), clock) as console:
        await console.press("3")
        assert "no error within the last 60 minutes" in console.text
        await console.press("j", "n", "enter", "y", "x", "space", "U", "L")
        assert console.told[-1] == "No tuning change stands just before these errors."


@pytest.mark.parametrize(("key", "act"), [("O", "open"), ("C", "close"), ("X", "trip"), ("D", "disable")])
async def test_a_breaker_is_set_by_hand_after_the_facts(key: str, act: str, feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("4", "j", key)
        assert isinstance(console.app.screen, Confirm)
        assert f"quarterdeck breakers {act} model:default" in console.text
        await console.press("enter")
        assert feed.calls == [("breaker", "model:default", act)]
        await console.press("k", key, "escape")
        assert len(feed.calls) == 1
        await console.press("escape")
        assert isinstance(console.app.screen, OverviewScreen)


async def test_a_request_is_cancelled_after_the_facts_and_its_session_is_one_key_away(
    feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("5", "enter")
        assert "It waits" in console.told[-1]
        await console.press("X")
        assert "write the changelog" in console.text
        assert "quarterdeck queue cancel r990" in console.text
        await console.press("enter")
        assert feed.calls == [("cancel", "r990")]
        await console.press("pagedown", "pageup", "j", "enter")
        assert isinstance(console.app.screen, TranscriptScreen)
        await console.press("escape", "P")
        await console.type("hello")
        await console.press("enter")
        assert feed.calls[-1] == ("prompt", "hello", "", "default")


async def test_read_only_refuses_every_act(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, read_only=True) as console:
        await console.press("3", "L", "4", "O", "5", "X", "P")
        assert feed.calls == []
        assert len(console.told) == 4
        assert all(told.startswith("Read-only") for told in console.told)
