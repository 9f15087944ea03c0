"""The one ticker: every chore is fenced, reported once, tried again, and readiness knows how old its success is."""

from __future__ import annotations

import asyncio
import errno

from engine.base.clock import ManualClock
from engine.events.bus import Bus
from engine.events.types import EventEnvelope, Notice
from engine.maintenance import LATE_S, Maintenance
from engine.workers.scaler import WorkerLimits
from engine.workers.workers import Workers
from tests.support.processes import until


class Scene:
    """A maintenance on a clock of its own."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.bus = Bus(self.clock)
        self.maintenance = Maintenance(self.bus, self.clock.monotonic)
        self.done: list[str] = []
        self.broken: Exception | None = None
        self.notices: list[Notice] = []
        self.bus.listen(self.hear)

    def hear(self, stamped: EventEnvelope) -> None:
        if isinstance(stamped.event, Notice):
            self.notices.append(stamped.event)

    def fragile(self) -> None:
        if self.broken is not None:
            raise self.broken
        self.done.append("fragile")

    def sound(self) -> None:
        self.done.append("sound")

    @property
    def told(self) -> list[str]:
        return [notice.text for notice in self.notices]

    def rounds(self, count: int) -> None:
        for _ in range(count):
            self.maintenance.round()
            self.clock.advance(1.0)


def test_a_chore_that_fails_is_told_once_and_runs_again_and_the_others_go_on() -> None:
    scene = Scene()
    scene.maintenance.add("the fragile one", scene.fragile)
    scene.maintenance.add("the sound one", scene.sound)
    scene.broken = OSError(errno.EMFILE, "Too many open files")
    scene.rounds(4)
    assert scene.done == ["sound"] * 4
    assert scene.told == ["the fragile one failed and is tried again each second: Too many open files"]
    assert "ulimit" in scene.notices[0].remedy
    scene.broken = None
    scene.rounds(2)
    assert scene.done[4:] == ["fragile", "sound"] * 2
    assert scene.told[1:] == ["the fragile one works again"]
    scene.broken = ValueError("a bug")
    scene.rounds(1)
    assert "a bug" in scene.told[2]
    (fragile, sound) = scene.maintenance.chores
    assert (fragile.runs, fragile.failures, sound.runs, sound.failures) == (7, 5, 7, 0)


def test_readiness_knows_how_long_a_chore_has_failed_and_how_old_the_last_round_is() -> None:
    scene = Scene()
    scene.maintenance.add("the fragile one", scene.fragile)
    scene.maintenance.add("a luxury", scene.fragile, essential=False)
    assert scene.maintenance.late() == []
    scene.rounds(1)
    scene.broken = OSError(errno.EIO, "Input/output error")
    scene.rounds(int(LATE_S) + 2)
    (reason,) = scene.maintenance.late()
    assert "the fragile one did not succeed for" in reason
    assert "Input/output error" in reason
    scene.broken = None
    scene.rounds(1)
    assert scene.maintenance.late() == []
    scene.clock.advance(LATE_S + 1)
    assert scene.maintenance.late() == ["the last maintenance round began 7 s ago"]


async def test_a_chore_that_waits_runs_once_at_a_time_and_is_late_when_it_never_ends() -> None:
    scene, gate, begun = Scene(), asyncio.Event(), []

    async def slow() -> None:
        begun.append(1)
        await gate.wait()
        raise ValueError("after all")

    scene.maintenance.add("the slow one", slow)
    scene.rounds(int(LATE_S) + 2)
    await until(lambda: bool(begun))
    scene.rounds(1)
    assert len(begun) == 1
    (reason,) = scene.maintenance.late()
    assert reason.endswith("it still runs")
    gate.set()
    await until(lambda: bool(scene.told))
    assert "after all" in scene.told[0]
    scene.rounds(1)
    await until(lambda: len(begun) == 2)
    await scene.maintenance.aclose()


async def test_what_can_be_deferred_waits_for_a_worker_and_holds_up_nothing() -> None:
    scene, gate, began = Scene(), asyncio.Event(), []
    workers = Workers("background", WorkerLimits(maximum=1), scene.clock, lambda _name, _error: None)
    maintenance = Maintenance(scene.bus, scene.clock.monotonic, workers.spawn)

    async def work(name: str) -> None:
        began.append(name)

    workers.spawn(gate.wait(), "a job that takes long")
    maintenance.add("the deferrable one", lambda: work("deferrable"), essential=False, deferrable=True)
    maintenance.add("the urgent one", lambda: work("urgent"))
    maintenance.round()
    await until(lambda: began == ["urgent"])
    maintenance.round()
    assert workers.statistics().queued == 1  # it is not begun twice
    gate.set()
    await until(lambda: "deferrable" in began)
    await maintenance.aclose()
    await workers.aclose()
