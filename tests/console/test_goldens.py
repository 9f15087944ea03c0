"""The screens as text, at both sizes they are made for.

A screen that was changed on purpose: `GOLDENS=refresh pytest tests/console/test_goldens.py`, then read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from engine.base.clock import ManualClock
from engine.events import types as ev
from tests.console import scene
from tests.support.console import NORMAL, SMALL, ConsoleFixture, FakeFeed, StillCost, console_fixture
from tests.support.processes import until
from tui.actions.press_guard import ARMING_S
from tui.feeds.recorded import RecordedFeed
from tui.screens.sessions import SessionsScreen

GOLDENS = Path(__file__).parent / "goldens"
SCENES: dict[str, tuple[str, ...]] = {
    "overview": (),
    "sessions": ("2",),
    "sessions-wide": ("2", "d"),
    "sessions-problems": ("2", "z"),
    "drawer-approval": ("2", "z", "j"),
    "transcript": ("exclamation_mark", "enter"),
    "inbox": ("exclamation_mark",),
    "inbox-many": ("exclamation_mark", "j", "j", "space"),
    "inbox-profile": ("exclamation_mark", "O"),
    "inbox-marked": ("exclamation_mark", "space", "space", "M"),
    "prompt": ("1", "P", "h", "i"),
    "prompt-sent": ("1", "P", "h", "i", "enter"),
    "help": ("2", "question_mark"),
    "kill": ("2", "K"),
    "leave": ("q",),
    "themes": ("T", "j"),
    "command": ("2", "colon"),
    "command-settings": ("2", "colon", *"tune", "space", *"set", "space", *"max_"),
    "command-wrong": ("colon", *"kil", "space", *"s0001", "enter"),
    "command-help": ("colon", *"help", "enter"),
    "errors": ("3",),
    "recovery": ("4",),
    "queue": ("5",),
    "cache": ("6",),
    "profile": ("9", "j"),
    "profile-empty": ("9",),
    "profile-trace": ("9", "T"),
    "conversations": ("0", "j"),
    "conversation-delete": ("0", "j", "X"),
    "conversation-asleep": ("0", "j", "enter"),
    "copy": ("5", "y"),
    "export": ("2", "e"),
    "marked-sessions": ("2", "space", "space", "x"),
    "marked-hibernate": ("2", "space", "space", "x", "H"),
    "marked-cancel": ("5", "space", "space", "X"),
    "queue-filtered": ("5", "s", "j", "j", "enter", "slash", *"user:ben,eli", "enter", "space"),
    "tuning": ("7",),
    "tuning-staged": ("7", "j", "right", "right", "j", "right"),
    "tuning-refused": ("7", "j", "enter", *("backspace",) * 8, *"900k"),
}
TIMES: dict[str, tuple[str, ...]] = {
    "past-overview": ("left_square_bracket", "left_square_bracket"),
    "past-sessions": ("2", "less_than_sign"),
    "frozen": ("f",),
}
"""Moments that are not now; what is told in the corner belongs to them."""
SIZES = {"120x36": NORMAL, "80x24": SMALL, "40x10": (40, 10)}


@pytest.mark.parametrize(
    ("name", "size"), [("overview", "40x10"), *((name, size) for name in SCENES for size in ("120x36", "80x24"))]
)
async def test_a_screen_is_drawn_as_it_was(name: str, size: str, feed: FakeFeed, clock: ManualClock) -> None:
    if name.startswith("inbox-"):
        for ago, event in scene.crowd():
            feed.push(scene.NOW - ago, event)
    if name.startswith("profile") and name != "profile-empty":
        feed.captured = scene.CAPTURE
        for ago, event in scene.profiled():
            feed.push(scene.NOW - ago, event)
    async with console_fixture(feed, clock, SIZES[size], owns_engine=True) as console:
        if feed.captured:
            console.app.own_cost = StillCost(scene.FRAMES, 1024, 6)
        for key in SCENES[name]:
            clock.advance(ARMING_S if name.startswith("inbox-") else 0)
            await console.press(key)
        if name == "command-settings":
            await until(lambda: "max_size" in console.text)
        await _rested(console)
        drawn = "\n".join(line.rstrip() for line in console.lines) + "\n"
    golden = GOLDENS / f"{name}-{size}.txt"
    if os.environ.get("GOLDENS") == "refresh":
        golden.write_text(drawn, encoding="utf-8")
    assert drawn == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*TIMES, "replay"])
@pytest.mark.parametrize("size", ["120x36", "80x24"])
async def test_another_time_is_drawn_as_it_was(name: str, size: str, clock: ManualClock, tmp_path: Path) -> None:
    replayed = name == "replay"
    made: Any = RecordedFeed(scene.recorded(tmp_path), clock) if replayed else FakeFeed(scene.tape())
    async with console_fixture(made, clock, SIZES[size]) as console:
        if replayed:
            await console.press("space", "ctrl+g", *"14:00", "enter")
        await console.press(*TIMES.get(name, ()))
        if name == "frozen":
            clock.advance(18)
            failed = ev.RequestEnded(request="r901", user="ben", ok=False, duration=1.0, kind="network", error="reset")
            made.push(scene.NOW + 18, failed, ev.SessionEnded(session="s0001", how="eof"))
        console.app.clear_notifications()
        await console.settle()
        drawn = "\n".join(line.rstrip() for line in console.lines) + "\n"
    golden = GOLDENS / f"{name}-{size}.txt"
    if os.environ.get("GOLDENS") == "refresh":
        golden.write_text(drawn, encoding="utf-8")
    assert drawn == golden.read_text(encoding="utf-8")


async def _rested(console: ConsoleFixture) -> None:
    """The drawer follows the cursor only after a rest."""
    screen = console.app.screen
    if isinstance(screen, SessionsScreen):
        await until(lambda: screen._in_drawer == screen.grid.shown.cursor)
    await console.settle()
    assert not console.told
