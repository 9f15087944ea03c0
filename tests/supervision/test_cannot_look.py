"""A process that cannot be looked at is never taken for gone."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.base.errors import ConversationHeld
from engine.base.processes import ProcessId, alive, children_of, identify, send_signal, stat_of
from engine.events.types import Notice
from engine.launchers.containment import Containment
from engine.launchers.engine_registry import EngineRegistry
from engine.launchers.host import _files_free
from engine.launchers.tree_usage import usage_of
from engine.store.leases import SqliteLeases
from tests.pool.pools import RecordedEvents
from tests.support.engines import running
from tests.support.processes import until


@contextmanager
def no_descriptors() -> Iterator[None]:
    """This process can open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def child() -> Iterator[ProcessId]:
    """A process that sleeps."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    known = identify(process.pid)
    assert known is not None
    yield known
    process.kill()
    process.wait()


def test_a_living_process_stays_alive_and_signals_are_owed(child: ProcessId) -> None:
    with no_descriptors():
        assert alive(child)
        assert send_signal(child, signal.SIGTERM)
        for look in (stat_of, usage_of, children_of):
            with pytest.raises(OSError, match="Too many open files"):
                look(child.pid)
        assert _files_free() == 0
    assert alive(child)


def test_the_dead_stay_dead() -> None:
    gone = ProcessId(2**22 + 1, 1)
    assert not alive(gone)
    assert not send_signal(gone, signal.SIGTERM)
    assert stat_of(gone.pid) is None


async def test_a_session_whose_members_cannot_be_seen_keeps_those_that_were_seen(
    child: ProcessId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.launchers.containment._LOOKS", 2)
    containment = Containment("e1")
    containment._sighted["s0001"] = [child]
    with no_descriptors():
        assert await containment.members("s0001", child) == [child]


def test_an_engine_that_cannot_be_looked_at_keeps_its_conversation(tmp_path: Path) -> None:
    ledger = EngineRegistry(tmp_path / "engines")
    ledger.enter("other")
    store = SqliteLeases(tmp_path / "leases.db", "other", ledger.gone)
    store.open()
    store.acquire("default", "c1", "s0001")
    store._engine = "me"
    store.acquire("default", "c2", "s0001")  # its pages and its journal are open from here on
    with no_descriptors(), pytest.raises(ConversationHeld, match="Engine other holds"):
        store.acquire("default", "c1", "s0002")
    store.close()


async def test_four_seconds_without_descriptors_end_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.min_size=1") as engine:
        await until(lambda: any(session.ready for session in engine.pool.sessions.values()))
        (session,) = engine.pool.sessions.values()
        told = RecordedEvents(engine)
        with no_descriptors():
            engine.maintenance.round()
            await until(lambda: any("Too many open files" in notice.text for notice in told.of(Notice)))
            engine.maintenance.round()
        await until(lambda: any("works again" in notice.text for notice in told.of(Notice)))
        await until(lambda: all(not chore.error for chore in engine.maintenance.chores))
        assert list(engine.pool.sessions.values()) == [session]
        assert engine.ready() == []
        os.kill(session.pid, signal.SIGSTOP)
        await until(lambda: session.id not in engine.pool.sessions)  # the health checks go on
