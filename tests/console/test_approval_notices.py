"""A waiting approval notifies who does not look, seldom, and with nothing that an agent wrote."""

from __future__ import annotations

import pytest

from engine.base.clock import ManualClock
from tests.console import scene
from tests.support.console import FakeFeed, console_fixture
from tui.console.approval_notices import EVERY_S, ApprovalNotices

BOTH = "\x1b]9;prod-eu: 2 approvals waiting\x07\x1b]777;notify;prod-eu;2 approvals waiting\x07"


@pytest.fixture
def clock() -> ManualClock:
    """A moment."""
    return ManualClock(1000.0)


def due(notices: ApprovalNotices, *waiting: str, focused: bool = False, title: str = "prod-eu") -> str:
    """What is written now."""
    return notices.due(waiting, focused=focused, title=title)


def test_it_notifies_once_of_each_and_never_while_somebody_looks(clock: ManualClock) -> None:
    notices = ApprovalNotices(clock, "xterm-256color")
    assert due(notices, "p1", focused=True) == ""
    assert due(notices, "p1") == ""  # it was seen
    assert due(notices, "p1", "p2") == BOTH + "\x07"
    clock.advance(EVERY_S)
    assert due(notices, "p1", "p2") == ""
    assert due(notices) == ""


def test_a_storm_rings_seldom_and_forgets_none(clock: ManualClock) -> None:
    notices = ApprovalNotices(clock, "xterm")
    rung = 0
    for number in range(200):
        rung += bool(due(notices, *[f"p{each}" for each in range(number)]))
        clock.advance(0.5)
    assert rung <= 100 / EVERY_S + 1
    clock.advance(EVERY_S)
    assert "200 approvals" in due(notices, *[f"p{each}" for each in range(200)])


@pytest.mark.parametrize(
    ("settings", "term", "written"),
    [
        ({"bell": False}, "xterm", BOTH),
        ({"desktop_notices": "off"}, "xterm", "\x07"),
        ({"desktop_notices": "osc9", "bell": False}, "xterm", BOTH.partition("\x1b]777")[0]),
        ({"desktop_notices": None, "bell": None}, "linux", "\x07"),
        ({"desktop_notices": "off", "bell": False}, "xterm", ""),
    ],
)
def test_settings_and_terminal_decide_how(
    settings: dict[str, object], term: str, written: str, clock: ManualClock
) -> None:
    notices = ApprovalNotices(clock, term)
    notices.apply_settings(settings)
    assert due(notices, "p1", "p2") == written


@pytest.mark.parametrize("title", ["a;b", "\x1b]0;x\x07", "ü\u202e", "x" * 5000, ""])
def test_no_title_breaks_out_of_a_notice(title: str, clock: ManualClock) -> None:
    written = due(ApprovalNotices(clock, "xterm"), "p1", title=title)
    assert (written.count("\x1b"), written.count("\x07"), written.count(";")) == (2, 3, 4)
    assert written.isascii()
    assert len(written) < 400


async def test_the_console_notifies_only_without_the_focus(feed: FakeFeed) -> None:
    clock = ManualClock(scene.NOW)
    async with console_fixture(feed, clock) as console:
        written: list[str] = []
        console.app.notices.bell, console.app.notices._term = True, "xterm"
        console.app.take_terminal(written.append)
        feed.push(scene.NOW, scene.asked("p8", "s0001", "Bash", "\x1b[2J", "Bash: x", "?", 6))
        await console.settle()
        assert written == []
        console.app.on_app_blur()
        feed.push(scene.NOW, scene.asked("p9", "s0002", "Bash", "\x1b[2J", "Bash: x", "?", 6))
        await console.settle()
        (text,) = written
        assert "approvals waiting" in text
        assert "[2J" not in text
