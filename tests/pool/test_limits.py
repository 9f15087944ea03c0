"""What sessions may take and what the machine must keep, on real processes that leak and burn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import DeadlinePassed, Overloaded, TurnFailed
from engine.engine import Engine
from engine.events.types import SessionJudged
from engine.launchers.host import Host, HostFacts, disk_free, number_in
from engine.launchers.tree_usage import cpu_of
from engine.offline_model.server import OfflineModel
from engine.pool.file_size_monitor import judge
from engine.pool.host_capacity import MIB
from engine.pool.limits import pool_limits
from engine.pool.session_limits import Level
from engine.settings.load import load_settings
from tests.pool.pools import MANY, Conversation, RecordedEvents, idle, leases, request
from tests.support.engines import running
from tests.support.operations import stop_session
from tests.support.processes import PATIENCE_S, until

LIMITS = "session_pool.limits"
LEAKY = "[[leak: 128MiB]] [[words: 40]] [[pace: 40ms]]"
PLENTY = HostFacts(
    memory_free=64_000 * MIB,
    memory_used=0.1,
    cpu=0.1,
    files_free=10_000,
    inotify_limit=8_000,
    pids_free=10_000,
    disk_free=64_000 * MIB,
)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets what the machine has."""

    def has(**facts: Any) -> None:
        monkeypatch.setattr(Host, "read", lambda _self: replace(PLENTY, **facts))

    return has


async def measure(engine: Engine) -> None:
    """Read every session twice, PSS included, and judge it."""
    monitor = engine.monitor
    for _ in range(4):
        await monitor.read()


async def judged(engine: Engine, told: RecordedEvents) -> list[SessionJudged]:
    """Measure until something was found."""
    async with asyncio.timeout(PATIENCE_S):
        while not told.of(SessionJudged):
            await measure(engine)
            await asyncio.sleep(0.02)
    return told.of(SessionJudged)


async def test_above_the_soft_limit_the_turn_ends_well_and_then_its_session_is_replaced(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, f"{LIMITS}.memory_soft=64MiB") as engine:
        told, talk = RecordedEvents(engine), Conversation(engine)
        turn = talk.begin(LEAKY)
        (verdict,) = await judged(engine, told)
        assert (verdict.condition, verdict.acted) == ("soft", "replaced at its turn's end")
        assert "above memory_soft of 64 MiB" in verdict.reason
        assert not turn.done()
        answer = await turn
        assert len(answer.text.split()) == 40
        await until(lambda: answer.session not in engine.pool.sessions)
        again = await talk.ask("[[history]]", answer.conversation)
        assert again.text.startswith("History: 2 user messages")


async def test_above_the_hard_limit_the_turn_is_ended_with_its_reason_and_others_go_on(tmp_path: Path) -> None:
    hard = (f"{LIMITS}.memory_soft=0", f"{LIMITS}.memory_hard=64MiB")
    async with running(tmp_path, *MANY, *hard) as engine:
        told, talk = RecordedEvents(engine), Conversation(engine)
        turn, other = talk.begin(LEAKY), talk.begin("[[words: 40]] [[pace: 40ms]]")
        (verdict,) = await judged(engine, told)
        assert (verdict.condition, verdict.acted) == ("hard", "interrupted and stopped")
        with pytest.raises(TurnFailed, match="above memory_hard of 64 MiB") as refusal:
            await turn
        assert (refusal.value.code, refusal.value.retryable) == ("session_limit", False)
        assert "session_pool.limits" in refusal.value.remedy
        await until(lambda: verdict.session not in engine.pool.sessions)
        assert len((await other).text.split()) == 40


async def test_an_idle_session_above_a_limit_is_stopped_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, f"{LIMITS}.memory_soft=64MiB") as engine:
        told, talk = RecordedEvents(engine), Conversation(engine)
        answer = await talk.ask("[[leak: 128MiB]] hello")
        (verdict,) = await judged(engine, told)
        assert verdict.session == answer.session
        await until(lambda: not engine.pool.members)


async def test_in_observe_mode_a_limit_is_told_and_nothing_done(tmp_path: Path) -> None:
    observe = ("session_pool.health_observe=true", "session_pool.load_balancing.health_check_interval=1h")
    async with running(tmp_path, f"{LIMITS}.memory_soft=0", f"{LIMITS}.memory_hard=64MiB", *observe) as engine:
        told, talk = RecordedEvents(engine), Conversation(engine)
        turn = talk.begin(LEAKY)
        (verdict,) = await judged(engine, told)
        assert (verdict.condition, verdict.acted) == ("hard", "")
        answer = await turn
        await measure(engine)
        assert answer.session in engine.pool.sessions
        assert len(told.of(SessionJudged)) == 1


async def test_cpu_that_stays_above_its_hard_limit_ends_the_turn(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, f"{LIMITS}.cpu_hard=1", f"{LIMITS}.cpu_for=5s", clock=clock) as engine:
        await engine.chores.aclose()  # whose readings on a clock that stands still would be of no use
        told, rounds = RecordedEvents(engine), 0
        turn = Conversation(engine).begin("[[flood: 1000000]]")
        await until(lambda: any(session.busy for session in engine.pool.sessions.values()))
        (session,) = engine.pool.sessions.values()
        while not told.of(SessionJudged):
            used = cpu_of(session.pid) or 0.0
            await until(lambda burnt=used: (cpu_of(session.pid) or 0.0) >= burnt + 0.03)
            clock.advance(1.0)
            await engine.monitor._read(clock.monotonic(), sample=False)
            rounds += 1
        (verdict,) = told.of(SessionJudged)
        assert rounds == 7  # one to begin from, one that is above, five seconds
        assert (verdict.condition, verdict.reason) == ("hard", "CPU above 1 % for 5 s")
        with pytest.raises(TurnFailed, match="CPU above") as refusal:
            await turn
        assert refusal.value.code == "session_limit"


async def test_a_transcript_that_runs_away_gets_its_session_replaced(tmp_path: Path) -> None:
    async with running(tmp_path, f"{LIMITS}.transcript_max=20KiB") as engine:
        told, talk = RecordedEvents(engine), Conversation(engine)
        small = await talk.ask("hello")
        await measure(engine)
        assert told.of(SessionJudged) == []
        big = await talk.ask(f"[[reply: done]] {'x' * 30_000}", small.conversation)
        verdict = (await judged(engine, told))[0]
        assert verdict.session == big.session
        assert "above transcript_max" in verdict.reason
        await until(lambda: big.session not in engine.pool.sessions)


async def test_a_conversation_that_no_parked_process_could_wake_is_known_as_dear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.pool.wake_fitness.MOST_BYTES", 20_000)
    async with running(tmp_path, "session_pool.wake_spares=1") as engine:
        answer = await Conversation(engine).ask("hello")
        entry = engine.pool.index.get(answer.session)
        assert entry is not None
        await measure(engine)
        assert not entry.dear
        await Conversation(engine).ask(f"[[reply: done]] {'x' * 30_000}", answer.conversation)
        await measure(engine)
        assert entry.dear
        engine.live.propose({"session_pool.wake_spares": 0}, "test")  # then all are woken alike
        await measure(engine)
        assert not entry.dear


def test_output_is_soft_above_its_limit_hard_at_twice_that_and_graver_than_a_transcript() -> None:
    limits = pool_limits(load_settings(None, [f"{LIMITS}.output_max=10MiB", f"{LIMITS}.transcript_max=5MiB"]).settings)
    assert judge(5 * MIB, 10 * MIB, limits).level is Level.FINE
    assert judge(5 * MIB, 11 * MIB, limits).level is Level.SOFT
    hard = judge(6 * MIB, 21 * MIB, limits)
    assert (hard.level, hard.reason) == (Level.HARD, "its tools' output has 21 MiB, above output_max of 10 MiB")
    assert "transcript_max" in judge(6 * MIB, 0, limits).reason
    assert judge(1 << 50, 1 << 50, replace(limits, transcript_max=0, output_max=0)).level is Level.FINE


@pytest.mark.real_cli
async def test_a_real_tool_in_the_background_that_writes_without_end_is_stopped_with_its_session(
    tmp_path: Path, claude: Path
) -> None:
    """docs/development/hazards.md, H9: the file is where the CLI puts it, and the writer is gone with the session."""
    runs = '{"command": "yes runaway", "run_in_background": true}'
    async with OfflineModel() as model:
        real = ("engine.backend=claude", f"claude.binary={claude}", f"credential.base_url={model.url}")
        mode = (
            "credential.api_key=offline",
            'claude.extra_args=["--allowedTools=Bash"]',
            "credential.share_login=false",
        )
        async with running(tmp_path, *real, *mode, f"{LIMITS}.output_max=1MiB") as engine:
            told, talk = RecordedEvents(engine), Conversation(engine)
            answer = await talk.ask(f"[[tool: Bash {runs}]]")
            verdict = (await judged(engine, told))[0]
            assert "above output_max of 1 MiB" in verdict.reason
            await until(lambda: answer.session not in engine.pool.sessions)


async def test_a_full_disk_refuses_work_with_its_reason_until_there_is_room(
    tmp_path: Path, machine: Callable[..., None]
) -> None:
    machine(disk_free=100 * MIB)
    async with running(tmp_path, "session_pool.min_size=1") as engine:
        await measure(engine)
        (reason,) = engine.ready()
        assert reason == "100 MiB of disk are free, and 512 MiB must be"
        with pytest.raises(Overloaded, match="No work is taken: 100 MiB of disk") as refusal:
            await engine.pool.lease(request(engine))
        assert "session_pool.limits.disk_floor" in refusal.value.remedy
        machine()
        await measure(engine)
        assert engine.ready() == []
        assert (await Conversation(engine).ask("hello")).text == "Echo: hello"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"memory_free": 513 * MIB}, "513 MiB of memory are free"),
        ({"files_free": 65}, "65 file descriptors are free"),
        ({"inotify_limit": 2}, "fs.inotify.max_user_instances is 2"),
        ({"pids_free": 257}, "257 process ids are free"),
        ({"memory_used": 0.99}, "memory 99% is above its target 90%"),
    ],
)
async def test_a_pool_that_the_machine_cannot_carry_does_not_grow_and_says_why(
    tmp_path: Path, machine: Callable[..., None], facts: dict[str, Any], words: str
) -> None:
    machine()
    async with running(tmp_path, *MANY) as engine:
        (lease,) = await leases(engine, 1)
        machine(**facts)
        await measure(engine)
        with pytest.raises(DeadlinePassed, match=words):
            await engine.pool.lease(request(engine), timeout=0.05)
        machine()
        await measure(engine)
        engine.pool.release(await engine.pool.lease(request(engine)))
        engine.pool.release(lease)


async def test_what_the_sessions_take_is_in_the_statistics(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY) as engine:
        await idle(engine, 2)
        await measure(engine)
        statistics = engine.statistics()
        assert statistics.memory > 2 * MIB
        assert statistics.target == 2
        assert engine.monitor._memory.p95() is not None
        for name in list(engine.pool.sessions):
            await stop_session(engine, name, "test")
        await measure(engine)
        assert engine.statistics().memory == 0
        assert engine.monitor._memory.p95() is None


def test_the_machine_is_read_as_it_is(tmp_path: Path) -> None:
    facts = Host(tmp_path).read()
    assert facts.memory_free > 0
    assert 0 <= facts.memory_used < 1
    assert 0 <= facts.cpu <= 0.5
    assert facts.disk_free == pytest.approx(disk_free(tmp_path / "not" / "yet"), rel=0.2)
    assert number_in(tmp_path / "nothing") is None
    (tmp_path / "max").write_text("max\n")
    assert number_in(tmp_path / "max") is None
