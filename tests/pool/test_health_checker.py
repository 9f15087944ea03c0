"""Health checks on real processes: two witnesses before any act, and none in observe mode."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import DeadlinePassed
from engine.engine import Engine
from engine.events.types import SessionEnded, SessionJudged
from engine.sessions.session import Session
from tests.pool.pools import MANY, Conversation, RecordedEvents, idle, profile
from tests.support.engines import running
from tests.support.processes import PATIENCE_S, until

QUICK = (*MANY, "session_pool.probe_timeout=100ms", "session_pool.load_balancing.health_check_interval=30s")


async def check(engine: Engine, clock: ManualClock) -> None:
    """Check every session once, to the end."""
    health_checker = engine.monitor.health_checker
    for _ in range(2):
        health_checker.round(clock.monotonic())
        clock.advance(30.0)
    await until(lambda: not health_checker._checked)


@contextmanager
def frozen(session: Session) -> Iterator[None]:
    """Stopped by SIGSTOP, and known to be; a pid of 0 would be our own."""
    assert session.pid
    os.kill(session.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, session.pid, os.WSTOPPED | os.WNOWAIT)
    try:
        yield
    finally:
        if session.pid and not session.lost:
            os.kill(session.pid, signal.SIGCONT)


async def test_healthy_sessions_are_left_alone_and_nothing_is_told(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, *QUICK, clock=clock) as engine:
        told, talk = RecordedEvents(engine), Conversation(engine)
        names = await idle(engine, 2)
        await talk.ask("hello")
        turn = talk.begin("[[words: 20]] [[pace: 20ms]]")
        for _ in range(3):
            await check(engine, clock)
        await turn
        assert told.of(SessionJudged) == []
        assert set(names) <= set(engine.pool.sessions)


async def test_a_stopped_idle_session_is_found_by_two_witnesses_and_killed(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, *QUICK, clock=clock) as engine:
        told, talk = RecordedEvents(engine), Conversation(engine)
        first = await talk.ask("one")
        with frozen(engine.pool.session(first.session)):
            await check(engine, clock)
        (verdict,) = told.of(SessionJudged)
        assert (verdict.session, verdict.condition) == (first.session, "condemned")
        assert "does not answer probes and its process is stopped" in verdict.reason
        assert verdict.acted.startswith("killed")
        assert [event.how for event in told.of(SessionEnded)] == ["sigkill"]
        counts = engine.pool.statistics().counts
        assert (counts.condemned, counts.crashes) == (1, 0)
        assert (await talk.ask("[[history]]", first.conversation)).text.startswith("History: 2 user messages")


async def test_a_session_stopped_in_its_turn_is_killed_and_the_request_answered_by_resume(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, *QUICK, "retry.base_delay=10ms", clock=clock) as engine:
        talk = Conversation(engine)
        first = await talk.ask("one")
        session = engine.pool.session(first.session)
        turn = talk.begin("[[delay: 200ms]] [[history]]", first.conversation)
        await until(lambda: session.busy)
        with frozen(session):
            await check(engine, clock)
        answer = await turn
        assert (answer.attempts, answer.conversation) == (2, first.conversation)
        assert answer.text.startswith("History: ")
        assert answer.session != first.session


async def test_a_stopped_session_is_looked_at_before_its_check_is_due_and_told_of_once(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, *QUICK, "session_pool.health_observe=true", clock=clock) as engine:
        told, health_checker = RecordedEvents(engine), engine.monitor.health_checker
        names = await idle(engine, 2)
        health_checker.round(clock.monotonic())
        await until(lambda: not health_checker._checked)
        health_checker._due = dict.fromkeys(names, clock.monotonic() + 30.0)

        def judged() -> bool:
            health_checker.round(clock.monotonic())
            return told.of(SessionJudged) != []

        with frozen(engine.pool.session(names[0])):
            await until(judged)
            health_checker.round(clock.monotonic())
            assert not health_checker._checked
        assert [(verdict.session, verdict.condition) for verdict in told.of(SessionJudged)] == [(names[0], "condemned")]


async def test_in_observe_mode_everything_is_told_and_nothing_done(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, *QUICK, "session_pool.health_observe=true", clock=clock) as engine:
        told = RecordedEvents(engine)
        (name,) = await idle(engine, 1)
        with frozen(engine.pool.session(name)):
            await check(engine, clock)
        (verdict,) = told.of(SessionJudged)
        assert (verdict.condition, verdict.acted) == ("condemned", "")
        assert engine.pool.session(name).usable
        assert engine.pool.statistics().counts.condemned == 0


async def test_whoever_answers_at_the_last_look_is_spared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, probes = ManualClock(), 0

    async def probe(self: Session, timeout: float) -> float:
        nonlocal probes
        probes += 1
        if probes < 2:
            raise DeadlinePassed("no answer")
        return 0.0

    async with running(tmp_path, *QUICK, clock=clock) as engine:
        (name,) = await idle(engine, 1)
        monkeypatch.setattr(Session, "probe", probe)
        with frozen(engine.pool.session(name)):
            engine.monitor.health_checker.round(clock.monotonic())
            await until(lambda: not engine.monitor.health_checker._checked)
        assert probes == 2
        assert engine.pool.session(name).usable


async def test_a_turn_that_falls_silent_makes_its_session_suspect_and_is_told_once(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, *QUICK, "session_pool.first_byte_timeout=1h", clock=clock) as engine:
        told = RecordedEvents(engine)
        turn = Conversation(engine).begin("[[stall]]")
        await until(lambda: any(row.activity for row in engine.bus.state.sessions.values()))
        clock.advance(151.0)
        for _ in range(2):
            await check(engine, clock)
        (verdict,) = told.of(SessionJudged)
        assert (verdict.condition, verdict.reason, verdict.acted) == ("suspect", "its turn makes no progress", "")
        assert len(engine.pool.sessions) == 1
        turn.cancel()
        await asyncio.wait([turn])


async def test_answers_to_probes_are_no_progress_and_the_inactivity_clock_runs_out(tmp_path: Path) -> None:
    clocks = ("session_pool.first_byte_timeout=1h", "session_pool.inactivity_timeout=400ms", "retry.max_attempts=1")
    async with running(tmp_path, *QUICK, *clocks) as engine:
        turn = Conversation(engine).begin("[[stall]]")
        await until(lambda: any(session.busy for session in engine.pool.sessions.values()))
        (session,) = engine.pool.sessions.values()
        async with asyncio.timeout(PATIENCE_S):
            while not turn.done():
                await session.probe(5.0)
        with pytest.raises(DeadlinePassed, match="inactivity clock ran out"):
            await turn


async def test_a_transcript_that_is_gone_makes_its_session_suspect_until_it_is_back(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, *QUICK, clock=clock) as engine:
        told, talk = RecordedEvents(engine), Conversation(engine)
        first = await talk.ask("one")
        path = engine.backend.transcript(profile(engine), first.conversation)
        assert path is not None
        hidden = path.rename(path.with_suffix(".away"))
        await check(engine, clock)
        hidden.rename(path)
        await check(engine, clock)
        assert [(verdict.condition, verdict.reason) for verdict in told.of(SessionJudged)] == [
            ("suspect", "its conversation's transcript is gone"),
            ("well", ""),
        ]


async def test_checks_are_spread_over_the_interval_and_one_runs_at_a_time(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, *QUICK, clock=clock) as engine:
        await idle(engine, 6)
        health_checker = engine.monitor.health_checker
        health_checker.round(clock.monotonic())
        due = sorted(at - clock.monotonic() for at in health_checker._due.values())
        assert all(0 <= wait <= 30.0 for wait in due)
        assert due[-1] - due[0] > 1.0


async def test_a_session_that_ends_under_its_check_is_not_judged(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, *QUICK, clock=clock) as engine:
        told = RecordedEvents(engine)
        (name,) = await idle(engine, 1)
        session = engine.pool.session(name)
        health_checker = engine.monitor.health_checker
        health_checker.round(clock.monotonic())
        clock.advance(30.0)
        os.kill(session.pid, signal.SIGSTOP)
        health_checker.round(clock.monotonic())
        assert name in health_checker._checked
        await asyncio.sleep(0)
        os.kill(session.pid, signal.SIGKILL)
        await until(lambda: not health_checker._checked)
        await until(lambda: not engine.pool.members)
        assert told.of(SessionJudged) == []
        assert engine.pool.statistics().counts.condemned == 0


async def test_a_session_whose_directory_was_deleted_gets_no_more_work(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK) as engine:
        talk = Conversation(engine)
        (name, other) = await idle(engine, 2)
        shutil.rmtree(engine.pool.session(name).cwd)
        engine.monitor.health_checker.round(engine.clock.monotonic())
        await until(lambda: name not in engine.pool.sessions)
        assert (await talk.ask("hello")).text
        assert other in engine.pool.sessions


async def test_a_prompt_meets_no_session_whose_directory_has_just_been_deleted(tmp_path: Path) -> None:
    async with running(tmp_path, *QUICK) as engine:
        names = await idle(engine, 2)
        shutil.rmtree(engine.settings.workspaces)
        assert (await Conversation(engine).ask("hello")).text
        await until(lambda: not set(names) & set(engine.pool.sessions))
