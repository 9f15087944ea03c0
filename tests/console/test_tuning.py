"""Tuning: stage, check at the field, apply as one, watch, undo; and what others change meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import BadInput, NoEngine
from engine.events import types as ev
from engine.events.state import CauseView
from engine.settings.live import LiveSettings
from engine.settings.schema import Settings
from engine.settings.tree import flatten
from tests.console import scene
from tests.support.console import ConsoleFixture, FakeFeed, console_fixture
from tests.support.processes import until
from tui.actions.tuning_checks import explain
from tui.model.link import FeedStatus, LinkState
from tui.model.list_state import ListState
from tui.model.settings_sheet import SettingChange, SettingsSheet
from tui.model.tuning import Tuning, inverse, stepped
from tui.model.tuning_history import UNKNOWN, known_since, recorded_sheet, sheet_at
from tui.screens.dialogs import Confirm
from tui.screens.overview import OverviewScreen
from tui.screens.tuning import TuningScreen
from tui.screens.tuning_lines import settings
from tui.screens.value_entry import ValueEntry

SIZE = "session_pool.max_size"


def tuned(**values: object) -> Tuning:
    """A desk with the default settings, or other ones: a__b is a.b."""
    live = LiveSettings(Settings(), clock=ManualClock(0.0))
    if values:
        live.propose({key.replace("__", "."): value for key, value in values.items()}, "ana")
    desk = Tuning()
    desk.load(SettingsSheet(flatten(live.current), live.origins, ()))
    return desk


@pytest.mark.parametrize(
    ("key", "text", "more", "less"),
    [
        ("session_pool.max_size", "10", "11", "9"),
        ("session_pool.max_size", "100", "110", "95"),
        ("session_pool.max_size", "10000", "10000", "9500"),
        ("session_pool.min_size", "0", "1", "0"),
        ("session_pool.acquire_timeout", "30s", "32s", "28s"),
        ("session_pool.auto_scaling.scale_up_threshold", "0.8", "0.85", "0.75"),
        ("session_pool.limits.memory_soft", "1GiB", "1152MiB", "960MiB"),
        ("session_pool.health_observe", "false", "true", "true"),
        ("queue.drop_strategy", "reject", "drop_oldest", "codel"),
        ("credential.base_url", "x", "x", "x"),
    ],
)
def test_a_step_is_a_sensible_amount_within_the_bounds(key: str, text: str, more: str, less: str) -> None:
    row = tuned().row(key)
    assert row is not None
    assert (stepped(row, text, 1), stepped(row, text, -1)) == (more, less)


def test_what_is_staged_goes_when_it_is_in_force_and_says_when_somebody_else_was_there() -> None:
    desk = tuned()
    desk.stage(SIZE, "20")
    desk.stage("session_pool.min_size", "4")
    assert not desk.moved(SIZE)
    later = tuned(session_pool__max_size=15, session_pool__min_size=4)
    desk.load(SettingsSheet({row.key: row.raw for row in later.rows}, {}, ()))
    assert set(desk.staged) == {SIZE}
    assert desk.moved(SIZE)
    desk.stage(SIZE, "15")
    assert desk.staged == {}


def test_the_inverse_of_a_change_is_what_was_there_before() -> None:
    change = SettingChange(3, "ana", 0.0, {SIZE: [10, 20], "retry.base_delay": [0.5, 2.0], "gone.key": [1, 2]})
    assert inverse(change) == {SIZE: "10", "retry.base_delay": "500ms"}


def test_settings_are_found_by_words_of_name_text_and_origin() -> None:
    desk = tuned(session_pool__max_size=20)
    shown = ListState(settings(desk))
    shown.take(desk.rows, scene.NOW)
    for words in ("max_size", "live by ana", "key:max_size"):
        shown.set_filter(words)
        assert shown.order == [SIZE]
    shown.set_filter("")
    assert shown.rows == desk.rows
    assert desk.rows[0].group == "session_pool"
    assert desk.rows[-1].fixed


async def test_several_values_are_applied_as_one_after_the_diff_was_shown(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("7", "right", "j", "right", "A")
        assert isinstance(console.app.screen, Confirm)
        assert "session_pool.min_size  2 → 3" in console.text
        assert "same as  quarterdeck config set session_pool.min_size=3" in console.text
        await console.press("enter")
        assert feed.calls == [("settings", {"session_pool.min_size": 3, SIZE: 11})]
        assert "session_pool.min_size 2 → 3, and 1 more" in console.text
        assert "turn p95" in console.text
        assert "● live" in console.text
        assert "staged" not in console.lines[0]


async def test_a_refused_value_is_explained_at_the_field_and_applies_nothing(
    feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("7", "enter", "backspace")
        await console.type("many")
        await until(lambda: "✖" in console.text)
        assert "many (live by a test): it must be" in console.text
        await console.press("enter")
        assert isinstance(console.app.screen, ValueEntry)
        await console.press("escape")
        assert isinstance(console.app.screen, TuningScreen)
        assert "0 staged" not in console.lines[0]
        await console.press(*["right"] * 9, "A")  # above max_size, whose bound is another setting's
        await until(lambda: any("Applied nothing" in told for told in console.told))
        assert "min_size" in console.text
        assert feed.calls == []


async def test_the_last_change_is_undone_and_an_older_one_is_staged_the_other_way_round(
    feed: FakeFeed, clock: ManualClock
) -> None:
    feed.live.propose({"retry.max_attempts": 5}, "kim")
    feed.live.propose({SIZE: 20}, "ana")
    async with console_fixture(feed, clock) as console:
        await console.press("7", "tab", "j", "U")
        assert "Staged the values of before" in console.told[-1]
        await console.press("escape", "d", "U")
        assert "session_pool.max_size  20 → 10" in console.text
        await console.press("enter")
        assert feed.calls == [("undo",)]
        assert feed.live.current.session_pool.max_size == 10
        assert "↩ undone" in console.text


async def test_what_another_console_changes_is_seen_and_marks_what_is_staged(
    feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("7", "j", "right")
        feed.live.propose({SIZE: 15}, "ana")
        feed.push(scene.NOW + 1, ev.SettingsChanged(who="ana", changes={SIZE: [10, 15]}))
        await console.settle()
        await until(lambda: "it was 10 when you staged this" in console.text)
        assert "by somebody to 15" in console.text


async def test_nothing_is_applied_read_only_without_an_engine_or_in_a_recording(
    feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock, read_only=True) as console:
        await console.press("7", "right", "A")
        assert "Read-only" in console.told[-1]
    other = FakeFeed(scene.tape())
    async with console_fixture(other, clock) as console:
        await console.press("7", "right")
        other.status = FeedStatus(LinkState.LOST, "a test")
        await console.settle()
        await console.press("A", "U")
        assert console.told == ["No engine to act on."] * 2
        other.status = FeedStatus(LinkState.REPLAY, "a test")
        await console.settle()
        await console.press("A")
        assert "A recording cannot be acted on." in console.told


async def test_looks_filter_staged_only_pages_and_the_way_back(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("7", "slash")
        await console.type("drop strategy")
        assert [line.lstrip()[:1] for line in console.lines if " drop_strategy " in line[:30]][:1] == ["▌"]
        await console.press("enter", "enter")
        assert "drop_oldest" in console.text
        await console.press("j", "enter", "escape", "z")
        assert [line for line in console.lines if "min_size" in line] == []
        await console.press("escape", "pagedown", "pageup", "down", "up", "tab", "escape")
        assert isinstance(console.app.screen, OverviewScreen)


async def test_a_setting_that_needs_a_restart_is_not_staged(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("7", "slash")
        await console.type("state_dir")
        await console.press("enter", "enter")
        assert "needs a restart of the engine" in console.told[-1]


async def test_another_screen_stages_a_value_here(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        console.app.navigation.stage({SIZE: "12"})
        await console.settle()
        await until(lambda: "10 → 12" in console.text)
        assert feed.calls == []


async def test_without_an_engine_it_says_so(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = FakeFeed(scene.tape())

    async def refused(_feed: object) -> SettingsSheet:
        raise NoEngine("No engine answers.", remedy="Start one.")

    monkeypatch.setattr("tui.screens.tuning.settings_sheet", refused)
    async with console_fixture(feed, clock) as console:
        await console.press("7")
        await until(lambda: "No engine answers." in console.text)
        assert "PARAMETER" not in console.text


# the past


def test_the_settings_of_a_moment_are_those_of_now_without_what_changed_since() -> None:
    changes = (
        SettingChange(1, "kim", 10.0, {SIZE: [10, 15]}),
        SettingChange(2, "ana", 20.0, {SIZE: [15, 20], "profiles.ci.model": [None, "opus"]}),
        SettingChange(3, "kim", 30.0, {SIZE: [20, 15]}, undoes=2),
    )
    now = SettingsSheet(
        {SIZE: 15, "retry.max_attempts": 3, "profiles.ci.model": "opus"}, {SIZE: "live by kim"}, changes
    )
    values = [sheet_at(now, at).values for at in (5.0, 10.0, 25.0, 30.0)]
    assert [each[SIZE] for each in values] == [10, 15, 20, 15]
    assert ["profiles.ci.model" in each for each in values] == [False, False, True, True]
    assert all(each["retry.max_attempts"] == 3 for each in values)
    assert sheet_at(now, 12.0).origins[SIZE] == "live by kim"
    assert sheet_at(now, 5.0).origins[SIZE] == UNKNOWN
    assert [change.number for change in sheet_at(now, 25.0).changes] == [1, 2]
    assert known_since(now, 3.0) == 3.0
    assert known_since(SettingsSheet({}, {}, changes[1:]), 3.0) == 20.0
    assert known_since(SettingsSheet({}, {}, ()), 3.0) == 3.0


def test_a_recording_knows_the_settings_that_changed_in_it() -> None:
    causes = [
        CauseView(1.0, "breaker", "model:default", "closed", "open"),
        CauseView(5.0, "tuning", SIZE, "10", "20", "ana"),
        CauseView(5.0, "tuning", "session_pool.acquire_timeout", "30.0", "60.0", "ana"),
        CauseView(9.0, "tuning", "session_pool.auto_scaling.enabled", "True", "False", "kim"),
        CauseView(9.0, "tuning", "console.title", "None", "{[", "ben"),
    ]
    sheet = recorded_sheet(causes)
    assert [(change.number, change.who, len(change.changes)) for change in sheet.changes] == [
        (1, "ana", 2), (2, "kim", 1), (3, "ben", 1)]  # fmt: skip
    desk = Tuning()
    desk.load(sheet_at(sheet, 7.0))
    shown = {row.key: row.current for row in desk.rows}
    assert shown[SIZE] == "20"
    assert shown["session_pool.acquire_timeout"] == "1m"
    assert shown["session_pool.auto_scaling.enabled"] == "true"
    assert desk.rows[0].origin == "live by ana"


async def test_in_the_past_the_values_of_the_moment_are_shown_and_nothing_is_staged(
    feed: FakeFeed, clock: ManualClock
) -> None:
    feed.live._clock = ManualClock(scene.NOW - 30)
    feed.live.propose({SIZE: 20}, "ana")
    async with console_fixture(feed, clock) as console:
        await console.press("7", "j", "right")
        await until(lambda: "20" in _row(console, "max_size"))
        await console.press("less_than_sign")
        assert "the values of 14:01:31" in console.text
        assert " 10 " in _row(console, "max_size")
        assert "◆" not in _row(console, "max_size")
        assert "nothing was changed since the engine started" in console.text
        await console.press("right", "d", "tab")
        assert "past cannot be acted on" in console.told[-1]
        await console.press("escape")
        assert " 20 " in _row(console, "max_size")
        assert "◆" in _row(console, "max_size")
        assert feed.calls == []


async def test_of_a_moment_that_is_not_known_no_values_are_shown(
    feed: FakeFeed, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forgotten(_feed: object) -> SettingsSheet:
        return SettingsSheet({SIZE: 20}, {}, [SettingChange(201, "ana", scene.NOW - 60, {SIZE: [10, 20]})])

    monkeypatch.setattr("tui.screens.tuning.settings_sheet", forgotten)
    async with console_fixture(feed, clock) as console:
        await console.press("7", "comma")
        await until(lambda: " 20 " in _row(console, "max_size"))
        await console.press("less_than_sign")
        assert "What was set at 14:01:26 is not known: the changes are, from 14:01:31 on." in console.text
        assert "max_size" not in console.text


def _row(console: ConsoleFixture, name: str) -> str:
    """The line of a setting in the table, empty when there is none."""
    return next((line for line in console.lines if f" {name} " in line[:40]), "")


async def test_live_changes_are_saved_to_the_file_on_request_and_the_dialogs_say_how_long_each_lasts(
    feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("7", "S")
        assert console.told[-1] == "No setting was changed live; there is nothing to save."
    feed.live.propose({SIZE: 20}, "ana")
    async with console_fixture(feed, clock) as console:
        await console.press("7", "S")
        assert "SAVE TO THE SETTINGS FILE" in console.text
        assert "for every engine that reads the file from now on" in console.text
        await console.press("escape")
        assert feed.calls == []
        await console.press("S", "enter")
        assert feed.calls == [("save",)]
        assert console.told[-1] == "Saved 1 setting to config.yaml."


async def test_a_burst_of_keys_steps_exactly_so_often(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("7", "slash", *"max_starting", "enter")
        screen = console.app.screen
        assert isinstance(screen, TuningScreen)
        for _ in range(7):
            screen.action_step(1)
        for _ in range(2):
            screen.action_step(-1)
        assert screen.tuning.staged["session_pool.max_starting"].text == "7"
        await console.settle()
        assert screen.tuning.staged["session_pool.max_starting"].text == "7"


async def test_a_refusal_of_an_earlier_value_is_not_held_against_a_later_one() -> None:
    panel = tuned()
    panel.stage(SIZE, "900k")

    class Late(FakeFeed):
        async def send(self, operation: Any, args: Any) -> Any:
            panel.stage(SIZE, "12")
            raise BadInput("too many")

    assert await explain(panel, SIZE, Late()) == "too many"
    assert panel.staged[SIZE].problem == ""


async def test_values_have_units_and_what_was_changed_is_marked(feed: FakeFeed, clock: ManualClock) -> None:
    feed.live.propose({SIZE: 14}, "ana")
    async with console_fixture(feed, clock) as console:
        await console.press("7")
        row = next(line for line in console.lines if "max_size" in line and "14" in line)
        assert "»" in row
        assert "sessions" in row
        other = next(line for line in console.lines if "min_size" in line)
        assert "»" not in other


async def test_a_preset_is_compared_staged_and_applied_as_one(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("7", "b")
        await console.settle()
        assert "night" in console.text
        assert f"{SIZE} 10 → 14" in console.text
        await console.press("enter")
        await console.settle()
        screen = console.app.screen
        assert isinstance(screen, TuningScreen)
        assert {key: one.text for key, one in screen.tuning.staged.items()} == {SIZE: "14"}
        await console.press("A", "enter")
        assert feed.calls == [("settings", {SIZE: 14})]


async def test_a_preset_is_saved_under_a_name_and_deleted_after_a_question(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("7", "b", "N")
        await console.type("day")
        await console.press("enter", "X", "escape", "X", "enter")
        assert feed.calls == [("preset", "day"), ("delete preset", "night")]


async def test_read_only_presets_are_looked_at_alone(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("ctrl+r", "7", "b", "N", "X", "enter")
        assert feed.calls == []
        assert "night" in console.text
