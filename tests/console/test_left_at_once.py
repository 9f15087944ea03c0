"""A console that is left before it is connected ends like any other."""

from __future__ import annotations

from engine.base.clock import ManualClock
from tests.support.console import FakeFeed, console_fixture


async def test_settings_that_arrive_after_the_last_screen_change_nothing(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        app = console.app
    assert app.screen_stack == []
    app.theming.apply_settings({"theme": "ember", "title": "late"})
    assert app.theme != "ember"
