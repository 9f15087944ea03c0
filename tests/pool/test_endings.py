"""How sessions leave the pool: given back, scaled down, recycled, drained, stopped, killed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import BadInput, ConversationHeld, DeadlinePassed, NotFound, QuarterdeckError
from engine.events.types import ConversationHibernated, SessionChanged, SessionEnded, SessionStarting, SessionState
from tests.pool.pools import MANY, Conversation, RecordedEvents, idle, leases, profile, request
from tests.support.engines import running
from tests.support.operations import drain_profile, hibernate_session, recycle_session, resume_profile, stop_session
from tests.support.processes import runs, until


async def test_idle_sessions_are_given_back_to_the_minimum_and_never_below_while_stops_are_under_way(
    tmp_path: Path,
) -> None:
    clock = ManualClock()
    async with running(tmp_path, *MANY, "session_pool.min_size=2", clock=clock) as engine:
        told = RecordedEvents(engine)
        names = await idle(engine, 4)
        clock.advance(601.0)
        for _ in range(3):
            engine.pool.reconcile()
        await until(lambda: len(told.of(SessionEnded)) == 2)
        assert set(engine.pool.sessions) == set(names[2:])
        assert len(told.of(SessionStarting)) <= 4


async def test_a_smaller_size_by_hand_is_reached_exactly_when_busy_sessions_come_back_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY) as engine:
        taken = await leases(engine, 4)
        engine.pool.scale(2)
        for lease in taken:
            engine.pool.release(lease)
        await until(lambda: len(engine.pool.members) == 2)
        assert engine.pool.statistics().counts.retirements == 2
        assert engine.pool.statistics().counts.starts == 4


async def test_an_old_session_is_replaced_once_it_is_idle_and_not_before(tmp_path: Path) -> None:
    clock = ManualClock()
    life = ("session_pool.max_lifetime=60s", "session_pool.min_size=1", "session_pool.idle_timeout=1h")
    async with running(tmp_path, *life, clock=clock) as engine:
        (lease,) = await leases(engine, 1)
        clock.advance(61.0)
        engine.pool.reconcile()
        assert lease.session.usable
        assert lease.session.id in engine.pool.sessions
        engine.pool.release(lease)
        await until(lambda: lease.session.id not in engine.pool.sessions)
        await until(lambda: engine.pool.statistics().idle == 1)


async def test_lifetimes_are_spread_so_that_sessions_do_not_end_together(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, *MANY, "session_pool.max_lifetime=1000s", clock=clock) as engine:
        await idle(engine, 6)
        lifetimes = {member.lifetime for member in engine.pool.members.values()}
        assert len(lifetimes) == 6
        assert all(975.0 <= lifetime <= 1000.0 for lifetime in lifetimes)


async def test_an_idle_session_is_recycled_at_once_and_ends_once(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        told = RecordedEvents(engine)
        (name,) = await idle(engine, 1)
        pid = engine.pool.session(name).pid
        await recycle_session(engine, name, "ana", 30.0)
        assert not runs(pid)
        assert [event.session for event in told.of(SessionEnded)] == [name]
        assert [event.reason for event in told.of(SessionChanged)] == ["recycled by ana"]


async def test_a_busy_session_is_recycled_at_its_turn_s_end_and_gets_no_new_work(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY) as engine:
        talk = Conversation(engine)
        turn = talk.begin("[[delay: 300ms]] [[reply: done]]")
        await until(lambda: any(session.busy for session in engine.pool.sessions.values()))
        (name,) = engine.pool.sessions
        recycled = asyncio.create_task(recycle_session(engine, name, "ana", 30.0))
        answer = await turn
        assert (answer.text, answer.session) == ("done", name)
        assert (await talk.ask("next", answer.conversation)).session != name
        await recycled
        assert name not in engine.pool.sessions


async def test_a_turn_that_outlasts_the_deadline_is_stopped_with_its_session(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, "retry.max_attempts=1") as engine:
        turn = Conversation(engine).begin("[[words: 900]] [[pace: 50ms]]")
        await until(lambda: any(session.busy for session in engine.pool.sessions.values()))
        (name,) = engine.pool.sessions
        await recycle_session(engine, name, "ana", 0.0)
        assert name not in engine.pool.sessions
        with pytest.raises(QuarterdeckError):
            await turn


async def test_an_idle_session_hibernates_and_its_conversation_goes_on_in_another(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        told, talk = RecordedEvents(engine), Conversation(engine)
        first = await talk.ask("hello")
        pid = engine.pool.session(first.session).pid
        await until(lambda: engine.pool.statistics().idle == 1)
        assert await hibernate_session(engine, first.session, "ana") == first.conversation
        assert not runs(pid)
        assert [event.reason for event in told.of(ConversationHibernated)] == ["hibernated by ana"]
        assert engine.pool.statistics().hibernated == 1
        again = await talk.ask("and on", first.conversation)
        assert (again.conversation, again.session != first.session) == (first.conversation, True)


async def test_what_runs_a_turn_or_holds_nothing_does_not_hibernate(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY) as engine:
        (name,) = await idle(engine, 1)
        with pytest.raises(BadInput, match="holds no conversation"):
            await hibernate_session(engine, name, "ana")
        (lease,) = await leases(engine, 1)
        with pytest.raises(ConversationHeld, match="runs a turn"):
            await hibernate_session(engine, lease.session.id, "ana")
        assert name in engine.pool.sessions
        engine.pool.release(lease)
        with pytest.raises(NotFound):
            await hibernate_session(engine, "s9999", "ana")


async def test_two_stops_at_once_stop_a_session_once_and_both_wait_for_its_end(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        told = RecordedEvents(engine)
        (name,) = await idle(engine, 1)
        pid = engine.pool.session(name).pid
        await asyncio.gather(*(stop_session(engine, name, who) for who in ("ana", "ben")))
        assert not runs(pid)
        assert len(told.of(SessionEnded)) == 1
        with pytest.raises(NotFound, match="There is no session"):
            await stop_session(engine, name, "ana")


async def test_a_kill_hurries_a_polite_stop(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, "engine.stop_term_grace=60s") as engine:
        told = RecordedEvents(engine)
        turn = Conversation(engine).begin("[[words: 900]] [[pace: 20ms]]")
        await until(lambda: any(row.activity for row in engine.bus.state.sessions.values()))
        (name,) = engine.pool.sessions
        os.kill(engine.pool.session(name).pid, signal.SIGSTOP)  # it hears nothing polite
        polite = asyncio.create_task(stop_session(engine, name, "ana"))
        await until(lambda: engine.bus.state.sessions[name].state is SessionState.STOPPING)
        await stop_session(engine, name, "ben", kill=True)
        await polite
        assert [event.exit_code for event in told.of(SessionEnded)] == [-9]
        turn.cancel()
        await asyncio.wait([turn])


async def test_a_drained_profile_starts_nothing_and_says_so_until_it_is_resumed(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, "session_pool.min_size=1", "profiles={big: {}}") as engine:
        talk = Conversation(engine)
        await talk.ask("hello", profile="big")
        names = set(await idle(engine, 3))
        assert await drain_profile(engine, "default", 5.0) == 3
        assert not names & set(engine.pool.sessions)
        engine.pool.reconcile()
        with pytest.raises(DeadlinePassed, match="profile default is drained"):
            await engine.pool.lease(request(engine), timeout=0.05)
        assert (await talk.ask("still here", profile="big")).text == "Echo: still here"
        waiting = talk.begin("waits")
        await until(lambda: engine.pool.statistics().waiting)
        await resume_profile(engine, "default")
        assert (await waiting).text == "Echo: waits"


async def test_a_profile_drains_while_its_turns_go_on_to_their_end(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY) as engine:
        talk = Conversation(engine)
        turns = [talk.begin("[[delay: 300ms]] [[reply: done]]") for _ in range(3)]
        await until(lambda: sum(session.busy for session in engine.pool.sessions.values()) == 3)
        assert await drain_profile(engine, "default", 10.0) == 3
        assert [answer.text for answer in await asyncio.gather(*turns)] == ["done"] * 3
        assert engine.pool.members == {}


async def test_draining_a_profile_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        for attempt in (drain_profile(engine, "nobody", 1.0), resume_profile(engine, "nobody")):
            with pytest.raises(NotFound, match="no profile 'nobody'") as refusal:
                await attempt
            assert "default" in refusal.value.remedy
        assert profile(engine).name == "default"
