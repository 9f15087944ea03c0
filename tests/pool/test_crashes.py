"""Sessions that die by themselves: nothing is lost, nothing storms, and too much of it is held back."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import DeadlinePassed, QuarterdeckError
from engine.events.types import Notice, SessionEnded, SessionReady, SessionStarting, Severity
from engine.sessions.session import Session
from tests.pool.pools import MANY, Conversation, RecordedEvents, idle, leases, request
from tests.support.engines import running
from tests.support.operations import stop_session
from tests.support.processes import until


def kill(session: Session) -> None:
    """SIGKILL its process, if it is up."""
    if session.ready:
        os.kill(session.pid, signal.SIGKILL)


async def test_a_crash_under_fifty_conversations_does_not_storm_and_all_answer(tmp_path: Path) -> None:
    sizes = ("session_pool.max_size=8", "session_pool.max_starting=3", "session_pool.max_waking=2")
    calm = ("session_pool.crashes_borne=100", "retry.base_delay=10ms", "retry.max_delay=50ms", "retry.max_attempts=6")
    async with running(tmp_path, *sizes, *calm) as engine:
        talk, told = Conversation(engine), RecordedEvents(engine)
        conversations = await talk.conversations(50)
        turns = [talk.begin("[[delay: 300ms]] [[history]]", conversation) for conversation in conversations]
        await until(lambda: sum(session.busy for session in engine.pool.sessions.values()) >= 5)
        for session in list(engine.pool.sessions.values()):
            kill(session)
        answers = await asyncio.gather(*turns)
        assert {answer.text.split(",")[0] for answer in answers} <= {
            "History: 2 user messages",
            "History: 3 user messages",  # the prompt had arrived before the crash, and was continued
        }
        assert [answer.conversation for answer in answers] == conversations
        assert most_at_once(told) <= 3
        statistics = engine.pool.statistics()
        assert statistics.counts.crashes >= 5
        assert (statistics.active, statistics.waiting) == (0, 0)


def most_at_once(told: RecordedEvents) -> int:
    """The most starts that were under way at one moment."""
    under_way: set[str] = set()
    most = 0
    for event in told.events:
        if isinstance(event, SessionStarting):
            under_way.add(event.session)
        elif isinstance(event, (SessionReady, SessionEnded)):
            under_way.discard(event.session)
        most = max(most, len(under_way))
    return most


async def test_a_profile_that_keeps_crashing_is_held_and_says_so_and_others_go_on(tmp_path: Path) -> None:
    clock = ManualClock()
    borne = ("session_pool.crashes_borne=2", "session_pool.crash_hold=20s", "profiles={big: {}}")
    async with running(tmp_path, *MANY, *borne, clock=clock) as engine:
        told = RecordedEvents(engine)
        for lease in await leases(engine, 3):
            kill(lease.session)
        await until(lambda: not engine.pool.members)
        (notice,) = told.of(Notice)
        assert notice.severity is Severity.CRITICAL
        assert "sessions of profile default keep crashing: starts are held for 20 s" in notice.text
        assert notice.remedy
        with pytest.raises(DeadlinePassed, match=r"profile default crashed too often; starts go on in 20 s"):
            await engine.pool.lease(request(engine), timeout=0.05)
        assert (await Conversation(engine).ask("hello", profile="big")).text == "Echo: hello"
        clock.advance(21.0)
        assert (await engine.pool.lease(request(engine))).session.usable


async def test_an_idle_crash_frees_its_conversation_for_another_process(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        talk = Conversation(engine)
        first = await talk.ask("one")
        kill(engine.pool.session(first.session))
        again = await talk.ask("[[history]]", first.conversation)
        assert again.text.startswith("History: 2 user messages")
        counts = engine.pool.statistics().counts
        assert (counts.crashes, counts.wakes, counts.survivors) == (1, 1, 0)


async def test_the_lease_of_a_crashed_session_is_void_and_its_release_harms_nobody(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        (lease,) = await leases(engine, 1)
        kill(lease.session)
        await until(lambda: not engine.pool.members)
        assert engine.pool.statistics().active == 0
        other = await engine.pool.lease(request(engine))
        engine.pool.release(lease)
        assert engine.pool.statistics().active == 1
        engine.pool.release(other)


async def test_a_start_that_fails_is_told_to_whoever_waits_and_spares_wait_longer_each_time(tmp_path: Path) -> None:
    clock, gone = ManualClock(), tmp_path / "gone"
    profiles = f"profiles={{lost: {{workspace: {gone}, warm: 1}}, good: {{warm: 1}}}}"
    async with running(tmp_path, *MANY, profiles, "session_pool.warm_jitter=0s", clock=clock) as engine:
        told = RecordedEvents(engine)

        def failures() -> int:
            return engine.pool.statistics().counts.start_failures

        engine.pool.reconcile()
        await until(lambda: failures() == 1 and engine.pool.statistics().warm == 1)
        for second in range(1, 63):
            clock.advance(1.0)
            engine.pool.reconcile()
            await until(lambda: not engine.pool.statistics().starting)
            due = sum(second >= moment for moment in (0, 2, 6, 14, 30, 62))
            assert failures() == due, second
        with pytest.raises(QuarterdeckError, match="gone of profile lost does not exist"):
            await engine.pool.lease(request(engine, name="lost"))
        assert all("gone of profile lost" in notice.text for notice in told.of(Notice))
        gone.mkdir()
        clock.advance(60.0)
        engine.pool.reconcile()
        await until(lambda: engine.pool.statistics().warm == 2)


async def test_a_session_stopped_while_it_starts_leaves_nothing_and_who_waited_gets_another(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        told = RecordedEvents(engine)
        waiting = asyncio.create_task(engine.pool.lease(request(engine)))
        await until(lambda: engine.pool.members)
        (first,) = engine.pool.members
        await stop_session(engine, first, "ana")
        lease = await waiting
        assert lease.session.id != first
        assert list(engine.pool.sessions) == [lease.session.id]
        assert not [event for event in told.of(SessionReady) if event.session == first]
        engine.pool.release(lease)


async def test_crashes_are_counted_by_profile(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, "session_pool.crashes_borne=1", "profiles={big: {}}") as engine:
        told = RecordedEvents(engine)
        await idle(engine, 1)
        (await engine.pool.lease(request(engine, name="big")))
        for session in list(engine.pool.sessions.values()):
            kill(session)
        await until(lambda: not engine.pool.members)
        assert told.of(Notice) == []
