"""The record of strays reaches the disk while the loop goes on, and none is written once the engine has left."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from engine.base.processes import ProcessId
from engine.events.bus import Bus
from engine.launchers.containment import Containment
from engine.launchers.engine_registry import EngineRegistry
from engine.launchers.strays import StrayTracker
from engine.recovery.cleanup import StrayCleanup

STRAY = ProcessId(4711, 1)


class SlowDisk(EngineRegistry):
    """A ledger whose disk waits until the loop lets it go on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.began, self.go_on = threading.Event(), threading.Event()

    def record_untagged(self, engine: str, processes: Iterable[ProcessId]) -> None:
        self.began.set()
        assert self.go_on.wait(10.0), "the loop is held"
        super().record_untagged(engine, processes)


async def test_a_slow_disk_does_not_hold_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StrayTracker, "all", lambda _self: [STRAY])
    ledger = SlowDisk(tmp_path / "engines")
    ledger.enter("mine")
    upkeep = StrayCleanup(Containment("mine"), ledger, Bus(ManualClock(), 10), lambda: 0.0)
    recording = asyncio.create_task(upkeep.record())
    await asyncio.to_thread(ledger.began.wait, 10.0)
    assert not recording.done()
    ledger.go_on.set()
    await recording
    assert ledger.untagged("mine") == [STRAY]
    assert upkeep.recorded == {STRAY}


def test_nothing_is_written_of_an_engine_that_has_left(tmp_path: Path) -> None:
    ledger = EngineRegistry(tmp_path / "engines")
    ledger.enter("mine")
    ledger.record_untagged("mine", [STRAY])
    ledger.leave("mine")
    ledger.record_untagged("mine", [STRAY])
    assert list((tmp_path / "engines").iterdir()) == []
