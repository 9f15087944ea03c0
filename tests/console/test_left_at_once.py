"""A console that is left before it is connected ends like any other."""

from __future__ import annotations

from engine.clock import ManualClock
from tests.support.console import FakeFeed, bridge


async def test_settings_that_arrive_after_the_last_screen_change_nothing(feed: FakeFeed, clock: ManualClock) -> None:
    async with bridge(feed, clock) as console:
        app = console.app
    assert app.screen_stack == []
    app.dress(skin="ember", title="late")
    assert app.theme != "ember"
