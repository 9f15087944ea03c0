"""The pool on real simulator processes: leases, hand-off, affinity, limits, crashes, drain."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from engine.backends.base import Profile
from engine.base.errors import BackendMissing, DeadlinePassed, NotFound, Overloaded, StartFailed
from engine.engine import Engine
from engine.pool.routing import LeaseRequest
from engine.requests import Request
from tests.support.engines import running
from tests.support.processes import until

DEFAULT = "default"


def _profile(engine: Engine) -> Profile:
    return engine.profiles.find(DEFAULT, DEFAULT)


async def _ask(engine: Engine, prompt: str, **fields: str) -> str:
    request = Request(id=fields.pop("id", os.urandom(6).hex()), prompt=prompt, **fields)
    return (await engine.submit(request)).text


async def test_unrelated_requests_share_a_process_with_an_empty_context(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        first = await engine.submit(Request(id="a", prompt="remember this"))
        second = await engine.submit(Request(id="b", prompt="[[history]]"))
        assert first.session == second.session
        assert first.conversation != second.conversation
        assert second.text.startswith("History: 1 user messages")
        counts = engine.pool.statistics().counts
        assert (counts.starts, counts.leases, counts.reuses) == (1, 2, 1)


async def test_a_conversation_finds_its_process_again_or_is_resumed_in_another(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        first = await engine.submit(Request(id="a", prompt="one"))
        again = await engine.submit(Request(id="b", prompt="[[history]]", conversation=first.conversation))
        assert (again.session, again.text.split(",")[0]) == (first.session, "History: 2 user messages")
        await engine.submit(Request(id="c", prompt="somebody else"))
        resumed = await engine.submit(Request(id="d", prompt="[[history]]", conversation=first.conversation))
        assert resumed.session != first.session
        assert resumed.text.startswith("History: 3 user messages")


async def test_two_requests_of_one_conversation_never_run_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        first = await engine.submit(Request(id="a", prompt="one"))
        both = [
            engine.submit(Request(id=name, prompt="[[delay: 100ms]] [[history]]", conversation=first.conversation))
            for name in ("b", "c")
        ]
        answers = await asyncio.gather(*both)
        assert {answer.session for answer in answers} == {first.session}
        assert sorted(answer.text.split(",")[0] for answer in answers) == [
            "History: 2 user messages",
            "History: 3 user messages",
        ]


async def test_tenants_never_share_a_process(tmp_path: Path) -> None:
    profile = "profiles={shop: {tenant: shop}}"
    async with running(tmp_path, profile) as engine:
        mine = await engine.submit(Request(id="a", prompt="one"))
        theirs = await engine.submit(Request(id="b", prompt="two", tenant="shop", profile="shop"))
        assert mine.session != theirs.session
        rows = engine.bus.state.sessions
        assert {rows[mine.session].tenant, rows[theirs.session].tenant} == {"default", "shop"}
        with pytest.raises(NotFound, match="no profile 'shop'"):
            await engine.submit(Request(id="c", prompt="x", profile="shop"))


async def test_the_pool_never_grows_over_its_maximum_and_waiters_are_served_in_order(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=2") as engine:
        order: list[int] = []

        async def one(number: int) -> None:
            await engine.submit(Request(id=f"r{number}", prompt="[[delay: 50ms]]"))
            order.append(number)

        await asyncio.gather(*(one(number) for number in range(8)))
        assert engine.pool.statistics().counts.starts == 2
        assert all(abs(place - number) <= 1 for place, number in enumerate(order))


async def test_a_wait_is_bounded_and_says_what_it_waited_for(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1", "session_pool.min_size=0") as engine:
        lease = await engine.pool.lease(LeaseRequest(_profile(engine), "u"))
        with pytest.raises(DeadlinePassed, match="all 1 sessions are busy"):
            await engine.pool.lease(LeaseRequest(_profile(engine), "u"), timeout=0.05)
        engine.pool.release(lease)
        assert (await engine.pool.lease(LeaseRequest(_profile(engine), "u"))).session is lease.session


async def test_a_late_release_does_not_free_the_next_holders_session(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        request = LeaseRequest(_profile(engine), "u")
        first = await engine.pool.lease(request)
        engine.pool.release(first)
        second = await engine.pool.lease(request)
        engine.pool.release(first)
        assert engine.pool.statistics().active == 1
        assert second.epoch > first.epoch


async def test_cancelled_waiters_leak_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        request = LeaseRequest(_profile(engine), "u")
        lease = await engine.pool.lease(request)
        waiters = [asyncio.create_task(engine.pool.lease(request)) for _ in range(20)]
        await asyncio.sleep(0)
        for waiter in waiters[:19]:
            waiter.cancel()
        engine.pool.release(lease)
        engine.pool.release(await waiters[19])
        await asyncio.wait(waiters)
        served = [waiter for waiter in waiters[:19] if not waiter.cancelled()]
        assert served == []
        statistics = engine.pool.statistics()
        assert (statistics.active, statistics.idle, statistics.waiting) == (0, 1, 0)


async def test_a_cancelled_request_interrupts_its_turn_and_gives_the_session_back(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        task = asyncio.create_task(engine.submit(Request(id="a", prompt="[[words: 1000]] [[pace: 50ms]]")))
        await until(lambda: any(row.activity == "writing" for row in engine.bus.state.sessions.values()))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await _ask(engine, "next") == "Echo: next"
        assert engine.pool.statistics().counts.starts == 1


async def test_a_crashed_session_is_collected_and_a_new_one_answers(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        first = await engine.submit(Request(id="a", prompt="one"))
        os.kill(engine.pool.session(first.session).pid, signal.SIGKILL)
        await until(lambda: first.session not in engine.pool.sessions)
        again = await engine.submit(Request(id="b", prompt="[[history]]", conversation=first.conversation))
        assert again.text.startswith("History: 2 user messages")
        assert engine.pool.statistics().counts.crashes == 1


async def test_an_agent_that_is_killed_while_it_starts_costs_its_request_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1", "retry.base_delay=10ms") as engine:
        asking = asyncio.create_task(_ask(engine, "still asked"))
        await until(lambda: any(session.pid for session in engine.pool.sessions.values()))
        (session,) = engine.pool.sessions.values()
        assert not session.ready
        os.kill(session.pid, signal.SIGKILL)
        assert await asking == "Echo: still asked"


async def test_an_unknown_conversation_is_a_clear_error_and_the_pool_is_unharmed(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1") as engine:
        unknown = "00000000-0000-4000-8000-000000000000"
        held = (await engine.submit(Request(id="warm", prompt="x"))).session
        with pytest.raises(NotFound, match="No conversation found"):
            await engine.submit(Request(id="a", prompt="hi", conversation=unknown))
        assert held in engine.pool.sessions
        assert await _ask(engine, "still here") == "Echo: still here"


async def test_a_missing_workspace_is_named(tmp_path: Path) -> None:
    async with running(tmp_path, f"profiles={{lost: {{workspace: {tmp_path / 'gone'}}}}}") as engine:
        with pytest.raises(StartFailed, match=r"profiles\.lost\.workspace"):
            await engine.submit(Request(id="a", prompt="hi", profile="lost"))
        assert engine.pool.statistics().size == 0


async def test_worn_sessions_are_replaced_and_idle_ones_given_back(tmp_path: Path) -> None:
    limits = ("session_pool.max_turns_per_session=2", "session_pool.idle_timeout=200ms")
    async with running(tmp_path, *limits) as engine:
        used = [(await engine.submit(Request(id=f"r{n}", prompt="x"))).session for n in range(2)]
        await until(lambda: used[-1] not in engine.pool.sessions)
        assert (await engine.submit(Request(id="r9", prompt="x"))).session not in used
        await until(lambda: not engine.pool.sessions)


async def test_the_minimum_is_kept_and_follows_a_live_change(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.min_size=1") as engine:
        await until(lambda: engine.pool.statistics().idle == 1)
        engine.live.propose({"session_pool.min_size": 3}, "test")
        await until(lambda: engine.pool.statistics().idle == 3)
        assert engine.pool.statistics().counts.starts == 3


async def test_a_drain_waits_then_checkpoints_and_nothing_new_is_taken(tmp_path: Path) -> None:
    async with running(tmp_path, "engine.grace=200ms") as engine:
        quick = asyncio.create_task(engine.submit(Request(id="quick", prompt="[[delay: 50ms]]")))
        slow = asyncio.create_task(engine.submit(Request(id="slow", prompt="[[words: 500]] [[pace: 50ms]]")))
        await until(lambda: any(row.request == "slow" for row in engine.bus.state.sessions.values()))
        await engine.drain("test")
        with pytest.raises(Overloaded, match="draining"):
            await engine.submit(Request(id="late", prompt="x"))
        assert (await quick).text.strip() == "Echo:"
        checkpoint = engine.checkpoints.all()[0]
        assert (checkpoint.request, checkpoint.reason) == ("slow", "graceful_shutdown")
        assert checkpoint.conversation
        with pytest.raises(Exception, match="interrupted"):
            await slow


async def test_a_profile_may_have_a_backend_of_its_own(tmp_path: Path) -> None:
    missing = f"claude.binary={tmp_path / 'claude'}"
    async with running(tmp_path, missing, "credential.api_key=k", "profiles={real: {backend: claude}}") as engine:
        assert await _ask(engine, "simulated") == "Echo: simulated"
        with pytest.raises(BackendMissing, match="claude"):
            await _ask(engine, "real", profile="real")
