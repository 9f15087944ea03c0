"""A session is its whole process tree: what its tools take counts, and what they leave running is nobody else's."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from engine.base.errors import TurnFailed
from engine.base.processes import ProcessId
from engine.engine import Engine
from engine.events.types import SessionJudged, SessionReadings
from engine.launchers.tree_usage import ProcessUsage, TreeReader, TreeUsage, session_of, tree_pss
from engine.pool.memory import TreeMemory
from engine.pool.session_limits import MemoryLimitSettings
from engine.sessions.readings import Readings
from tests.pool.pools import MANY, Conversation, RecordedEvents
from tests.support.engines import running
from tests.support.processes import until

MIB = 1024 * 1024
LIMITS = "session_pool.limits"
HOG = f"{sys.executable} -c 'import time; held = bytearray(b\"x\") * (200 << 20); time.sleep(600)'"
HIDDEN = {
    "a child": HOG,
    "its own process session": f"setsid -w {HOG}",
    "an orphan": f"(setsid {HOG} >/dev/null 2>&1 </dev/null &) ; sleep 600",
}


def bash(command: str) -> str:
    """A prompt that has the command run."""
    return f"[[tool: Bash {json.dumps({'command': command})}]]"


async def one_round(engine: Engine) -> None:
    """One round of the keeper, to its end."""
    await engine.monitor.read()


@pytest.fixture
def only_our_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The maintenance reads nothing, so that a test can count rounds."""
    monkeypatch.setattr("engine.maintenance.TICK_S", 3600.0)


@pytest.mark.usefixtures("only_our_rounds")
@pytest.mark.parametrize("hidden", HIDDEN)
async def test_a_tool_above_the_hard_limit_ends_the_turn_within_two_rounds(tmp_path: Path, hidden: str) -> None:
    hard = (f"{LIMITS}.memory_soft=0", f"{LIMITS}.memory_hard=150MiB", "claude.permission_mode=bypassPermissions")
    async with running(tmp_path, *MANY, *hard) as engine:
        told, talk = RecordedEvents(engine), Conversation(engine)
        turn = talk.begin(bash(HIDDEN[hidden]))
        await until(lambda: any(session.busy for session in engine.pool.sessions.values()))
        ((name, session),) = engine.pool.sessions.items()

        async def grown() -> bool:
            trees = await engine.containment.read_trees({name: session.pid})
            return trees[name].rss > 200 * MIB

        async with asyncio.timeout(30):
            while not await grown():
                await asyncio.sleep(0.02)
        await one_round(engine)
        await one_round(engine)
        (verdict,) = told.of(SessionJudged)
        assert (verdict.session, verdict.condition) == (name, "hard")
        with pytest.raises(TurnFailed, match="above memory_hard of 150 MiB"):
            await turn


async def test_rss_and_pss_of_the_tree_are_in_the_session_view_and_the_sums(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, "claude.permission_mode=bypassPermissions") as engine:
        told, talk = RecordedEvents(engine), Conversation(engine)
        turn = talk.begin(bash(HOG))

        def seen() -> bool:
            return any(row.rss >= row.pss > 200 * MIB for row in engine.bus.state.sessions.values())

        async with asyncio.timeout(30):
            while not seen():
                await one_round(engine)
                await asyncio.sleep(0.02)
        (row,) = engine.bus.state.sessions.values()
        assert row.rss >= row.pss > 200 * MIB
        assert row.processes >= 2
        assert engine.statistics().memory > 200 * MIB
        assert (engine.monitor._memory.p95() or 0) > 200 * MIB
        assert told.of(SessionReadings)[-1].readings[0].pss == row.pss
        turn.cancel()


LEFT = {
    "a child": "sleep 600 >/dev/null 2>&1 &",
    "a daemon": "(setsid sleep 600 >/dev/null 2>&1 </dev/null &)",
    "a daemon without its tag": "(env -i setsid sleep 600 >/dev/null 2>&1 </dev/null &)",
}


@pytest.mark.parametrize("left", LEFT)
async def test_a_process_that_a_turn_left_keeps_its_session_from_others(tmp_path: Path, left: str) -> None:
    mode = "claude.permission_mode=bypassPermissions"
    async with running(tmp_path, *MANY, mode, "session_pool.max_size=1", owns_process=True) as engine:
        talk = Conversation(engine)
        first = await talk.ask(bash(LEFT[left]), user="anna")
        session = engine.pool.sessions[first.session]
        assert session.single_use.startswith("a turn left processes running in its tree (pid ")
        own = await talk.ask("again", first.conversation, user="anna")
        assert own.session == first.session
        other = await talk.ask("hello", user="bert")
        assert other.session != first.session
        assert first.session not in engine.pool.sessions


async def test_a_turn_whose_tools_ended_leaves_its_session_to_others(tmp_path: Path) -> None:
    mode = "claude.permission_mode=bypassPermissions"
    async with running(tmp_path, *MANY, mode, "session_pool.max_size=1") as engine:
        talk = Conversation(engine)
        first = await talk.ask(bash("sleep 0.01; echo done"), user="anna")
        other = await talk.ask("hello", user="bert")
        assert other.session == first.session


def usage(pid: int, rss: int, cpu: float = 0.0) -> ProcessUsage:
    """One process."""
    return ProcessUsage(ProcessId(pid, pid), 1, cpu, rss)


def test_pss_is_read_at_once_only_where_the_estimate_passes_a_limit() -> None:
    memory, limits = TreeMemory(), MemoryLimitSettings(memory_soft=500, memory_hard=1000)
    small, large = {"s": TreeUsage((usage(2, 600),))}, {"s": TreeUsage((usage(2, 600), usage(3, 600)))}
    assert memory.urgent(small, limits) == ["s"]
    memory.record({"s": 300}, small, 1.0)
    assert memory.urgent(small, limits) == []
    assert memory.urgent({"s": TreeUsage((usage(2, 790),))}, limits) == []
    assert memory.urgent(large, limits) == ["s"]
    memory.record({"s": 800}, large, 2.0)
    assert memory.urgent(large, limits) == []
    assert memory.urgent({"s": TreeUsage((usage(2, 1500),))}, limits) == ["s"]
    assert memory.total(large) == 800
    memory.keep([])
    assert memory.total(large) == 1200


def test_cpu_is_that_of_the_tree_and_never_negative() -> None:
    readings = Readings()

    def at(now: float, *processes: ProcessUsage) -> float:
        return next(r.cpu for r in readings.read({"s": TreeUsage(processes)}, now) if r.session == "s")

    assert at(1.0, usage(2, 1, 5.0)) == 0.0
    assert at(2.0, usage(2, 1, 5.0), usage(3, 1, 0.9)) == 90.0
    assert at(3.0, usage(2, 1, 6.0)) == 10.0  # the tool was reaped, and its parent holds its time
    assert at(4.0, usage(2, 1, 5.5)) == 0.0
    assert at(5.0, usage(7, 1, 50.0)) == 0.0  # another root


def test_the_reader_knows_its_own_tree_and_its_pss() -> None:
    tree = TreeReader("none").read({"s": os.getpid(), "gone": 2**22 + 1})
    assert tree.keys() == {"s"}
    assert tree["s"].processes[0].id.pid == os.getpid()
    assert 0 < tree_pss(TreeUsage(tree["s"].processes[:1])) <= tree["s"].processes[0].rss * 1.5
    assert tree_pss(TreeUsage((usage(2**22 + 1, 5),))) == 0
    assert session_of(os.getpid(), "none") == ""
