"""The manager: who is told of what, and that a channel which hangs or fails harms nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from engine.alerts.channels.base import Notification, NotificationFailed
from engine.alerts.manager import QUEUED, AlertManager, AlertPorts
from engine.base.clock import ManualClock
from engine.base.errors import QuarterdeckError
from engine.events.bus import Bus
from engine.events.types import Notice, OrphansReaped
from engine.settings.alert_conditions import Readings
from engine.settings.schema import Alerts
from tests.support.processes import PATIENCE_S, until

BAD: Readings = {"errors": {"": 9.0}}
GOOD: Readings = {"errors": {"": 0.0}}


class Ear:
    """A channel that remembers, fails while `error` is set, and hangs while `open` is not."""

    def __init__(self) -> None:
        self.notified: list[Notification] = []
        self.error: QuarterdeckError | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, telling: Notification, attempts: int) -> None:
        """Take it."""
        await self.open.wait()
        if self.error is not None:
            raise self.error
        self.notified.append(telling)


class Stage:
    """A manager with two ears and figures that the test sets."""

    def __init__(self, **settings: Any) -> None:
        rules = [
            {"name": "errors-many", "when": "errors > 3", "severity": "critical", "remedy": "look"},
            {"name": "orphans", "when": "event:orphans_reaped"},
            {"name": "breaker-open", "when": "breaker_open >= 1"},
        ]
        given = {"rules": rules, "repeat": "10m", "calm": 0, "channels": ["console", "log", "webhook"], **settings}
        self.settings = Alerts.model_validate({**given, "webhook": {"url": "http://x"}})
        self.clock = ManualClock(1000.0)
        self.bus = Bus(self.clock)
        self.log, self.hook = Ear(), Ear()
        self.readings = GOOD
        self.manager = AlertManager(
            AlertPorts(
                engine="e1",
                bus=self.bus,
                clock=self.clock,
                settings=lambda: self.settings,
                readings=lambda _now: self.readings,
                channels={"log": self.log, "webhook": self.hook},
            )
        )

    def look(self, readings: Readings, wait: float = 1.0) -> None:
        """One round, later."""
        self.clock.advance(wait)
        self.readings = readings
        self.manager.look()

    @property
    def notices(self) -> list[str]:
        """What the operator was told of the channels."""
        return [line.text for line in self.bus.state.recent if line.mark == "notice" and "channel" in line.text]


@asynccontextmanager
async def staged(**settings: Any) -> AsyncIterator[Stage]:
    """A stage whose manager runs."""
    stage = Stage(**settings)
    stage.manager.start()
    try:
        yield stage
    finally:
        await stage.manager.aclose(0.0)


async def test_every_channel_hears_of_an_alert_and_of_its_end_and_the_console_shows_it() -> None:
    async with staged() as stage:
        stage.look(BAD)
        shown = stage.bus.state.alerts["errors-many/"]
        assert (shown.rule, shown.severity, shown.value, shown.remedy) == ("errors-many", "critical", 9.0, "look")
        stage.look(GOOD)
        assert stage.bus.state.alerts == {}
        await until(lambda: len(stage.log.notified) == len(stage.hook.notified) == 2)
        assert [(each.alert, each.state, each.engine) for each in stage.hook.notified] == [
            ("errors-many", "firing", "e1"),
            ("errors-many", "resolved", "e1"),
        ]
        assert stage.manager.sent == {"log": 2, "webhook": 2}
        assert stage.manager.firing_by_severity() == {"info": 0, "warning": 0, "critical": 0}


async def test_what_flaps_is_shown_each_time_and_told_once() -> None:
    async with staged() as stage:
        for _ in range(20):
            stage.look(BAD)
            assert "errors-many/" in stage.bus.state.alerts
            stage.look(GOOD)
            assert stage.bus.state.alerts == {}
        await until(lambda: len(stage.log.notified) == 2)
        stage.look(BAD, 700)
        await until(lambda: len(stage.log.notified) == 3)
        assert [each.state for each in stage.log.notified] == ["firing", "resolved", "firing"]


async def test_a_channel_that_hangs_delays_no_other_and_its_queue_is_bounded() -> None:
    async with staged() as stage:
        stage.hook.open.clear()
        many = {f"b{number}": 1.0 for number in range(QUEUED + 30)}
        stage.look({"breaker_open": dict(list(many.items())[:QUEUED])})
        await until(lambda: len(stage.log.notified) == QUEUED)
        stage.look({"breaker_open": many})
        await until(lambda: len(stage.log.notified) == QUEUED + 30)
        assert stage.hook.notified == []
        assert stage.manager.failed["webhook"] == 29  # one is under way, and as many wait as may
        stage.hook.open.set()
        await until(lambda: len(stage.hook.notified) == QUEUED + 1)
        assert stage.hook.notified[-1].subject == f"b{QUEUED + 29}"


async def test_a_channel_that_fails_is_counted_each_time_and_said_once_until_it_works() -> None:
    async with staged(repeat="1s") as stage:
        stage.hook.error = NotificationFailed("It is gone.", remedy="Find it.")
        for number in range(1, 4):
            stage.look(BAD)
            await until(lambda number=number: stage.manager.failed["webhook"] == number)
        assert stage.notices == ["the alerts' channel webhook fails: It is gone."]
        stage.hook.error = None
        stage.look(BAD)
        await until(lambda: len(stage.hook.notified) == 1)
        stage.hook.error = NotificationFailed("Again.")
        stage.look(BAD)
        await until(lambda: len(stage.notices) == 2)
        assert len(stage.log.notified) == 5


async def test_an_event_is_answered_after_all_others_heard_it() -> None:
    async with staged() as stage:
        subscription = stage.bus.subscribe()
        stage.bus.publish(OrphansReaped(pids=[7], origin="engine e0"))
        stage.look(GOOD)
        batch = subscription.take()
        assert [stamped.seq for stamped in batch.events] == [1, 2]
        await until(lambda: len(stage.log.notified) == 1)
        assert (stage.log.notified[0].alert, stage.log.notified[0].subject) == ("orphans", "engine e0")
        assert "pids [7]" in stage.log.notified[0].text


async def test_what_happens_last_is_told_before_the_end_and_nothing_is_published_any_more() -> None:
    stage = Stage()
    stage.manager.start()
    stage.bus.publish(OrphansReaped(pids=[7], origin="engine e0"))
    seq = stage.bus.state.seq
    await stage.manager.aclose(5.0)
    assert [each.alert for each in stage.log.notified] == ["orphans"]
    assert stage.bus.state.seq == seq


async def test_a_hanging_channel_does_not_hold_the_end_up() -> None:
    stage = Stage()
    stage.manager.start()
    stage.hook.open.clear()
    stage.look(BAD)
    async with asyncio.timeout(PATIENCE_S):
        await stage.manager.aclose(0.05)
    assert len(stage.log.notified) == 1
    assert len(stage.manager._work) == 0


async def test_switched_off_nothing_fires_and_what_fired_is_over() -> None:
    async with staged() as stage:
        stage.look(BAD)
        stage.settings = stage.settings.model_copy(update={"enabled": False})
        stage.manager.use(stage.settings)
        stage.look(BAD)
        assert stage.bus.state.alerts == {}
        assert stage.manager.alerts() == []


async def test_a_silence_is_shown_and_kept() -> None:
    async with staged() as stage:
        stage.look(BAD)
        made = stage.manager.silence("errors-*", 60.0, "ana")
        assert stage.bus.state.alerts["errors-many/"].silenced_until == made.until == stage.clock.wall() + 60
        stage.look(BAD, 700)  # past the silence and the repeat
        await until(lambda: len(stage.log.notified) == 2)
        stage.manager.silence("errors-many", 60.0, "ana")
        stage.manager.unsilence("errors-many", "ana")
        assert stage.bus.state.alerts["errors-many/"].silenced_until == 0


async def test_a_test_goes_to_one_channel_at_once() -> None:
    async with staged(channels=["log"]) as stage:
        await stage.manager.test("webhook")
        assert ([each.alert for each in stage.hook.notified], stage.log.notified) == (["test"], [])
        await stage.manager.test("console")
        assert stage.notices == ["this is a test of the alerts' channel console"]


async def test_only_the_named_channels_are_told() -> None:
    async with staged(channels=["log"]) as stage:
        stage.look(BAD)
        await until(lambda: len(stage.log.notified) == 1)
        assert (stage.hook.notified, stage.bus.state.alerts) == ([], {})
        heard = [stamped.event for stamped in stage.bus.subscribe(since=0).take().events]
        assert not [event for event in heard if isinstance(event, Notice)]
