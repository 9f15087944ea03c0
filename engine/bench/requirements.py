"""Group `requirements`: each figure that the requirements state (F8) as one row by its name, beside the plain way.

The real CLI on the offline model, in turns within one run, on shipped settings but the pool's size.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from engine.api.server import serve
from engine.backends.base import AgentCommand, AgentSpec
from engine.backends.binary import find_claude
from engine.bench import workers
from engine.bench.baseline import one_process
from engine.bench.capacity import Load, capacity, slowest
from engine.bench.comparison import repeat
from engine.bench.figures import Figure, ratio_at_least, ratio_at_most, skipped
from engine.bench.fixtures import claude_settings, offline_model, running, until
from engine.bench.requirement_rounds import Rounds, RoundSize
from engine.bench.residents import Residents, one_each, shared
from engine.bench.turn import IN_FLIGHT, pooled
from engine.engine import Engine
from engine.thread import EngineThread

NAMES = ("session throughput", "message rate", "API response", "CPU", "tasks", "latency", "capacity", "memory",
         "concurrent sessions")  # fmt: skip
"""The lines of F8; each row's name begins with `F8` and one of them."""
_MEMORY, _SESSIONS, _CAPACITY = 0.7, 2.0, 3.0
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """Rounds at least and at most, prompts of one, the load whose users are counted, conversations whose memory is."""

    least: int
    most: int
    round: RoundSize
    load: Load
    residents: Residents
    jobs: int


FULL = Size(3, 9, RoundSize(), Load(), Residents(), 10_000)
QUICK = Size(1, 1, RoundSize(8, 32, 3), Load(seconds=2.0, step=1.5), Residents(9, 3, 2, 1), 2000)


def measure(folder: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:
    """All rows; those of the real CLI are skipped without one."""
    binary = find_claude(None)
    if binary is None:
        why = "no Claude Code CLI; `pip install 'quarterdeck[claude]'` brings one"
        return [skipped(f"F8 {name}", why) for name in NAMES]
    progress("tasks of background work")
    return [*asyncio.run(_on_model(binary, folder, size, seed, progress)), _background(size)]


async def _on_model(binary: Path, folder: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:
    """The offline model runs on this loop, all else on another thread, where it may wait."""
    async with offline_model(seed) as url:
        return await asyncio.to_thread(_with_cli, binary, folder, url, size, seed, progress)


def _with_cli(binary: Path, folder: Path, url: str, size: Size, seed: int, progress: Progress) -> list[Figure]:
    socket = folder / "engine.sock"
    places = [f"session_pool.min_size={IN_FLIGHT}", f"session_pool.max_size={IN_FLIGHT}", f"api.socket={socket}"]
    progress("warming the pool")
    with running(claude_settings(folder / "turns", binary, url, places), serve) as thread:
        rows = _turns(thread, socket, size, seed, progress)
    few = ["session_pool.min_size=0", f"session_pool.max_size={size.residents.processes}"]
    with running(claude_settings(folder / "memory", binary, url, few)) as thread:
        return [*rows, *_memory(thread, size.residents, progress)]


def _turns(thread: EngineThread, socket: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:
    engine = thread.engine
    thread.run(until(lambda: engine.pool.statistics().idle >= IN_FLIGHT))
    command = _command(engine)
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://engine") as client:
        rounds = Rounds(thread, command, client, size.round, seed)

        def one(number: int) -> None:
            progress(f"round {number + 1}, {size.most} at most")
            rounds.measure(number)

        repeat(one, rounds.comparisons, size.least, size.most)
    return [*(each.row() for each in rounds.comparisons), _capacity(thread, command, size.load, seed, progress)]


def _capacity(thread: EngineThread, command: AgentCommand, load: Load, seed: int, progress: Progress) -> Figure:
    def ours(users: int) -> bool:
        progress(f"{users} users, through the engine")
        return thread.run(slowest(pooled(thread.engine), users, load, seed)) <= load.within

    def plain(users: int) -> bool:
        progress(f"{users} users, one `claude -p` a prompt")
        return asyncio.run(slowest(one_process(command), users, load, seed)) <= load.within

    carried, theirs = capacity(ours, 16, load.step), max(1, capacity(plain, 2, load.step))
    against = (
        f"one `claude -p` a prompt: {theirs}; {load.think:g} s of thought, 95 of 100 answered in {load.within:g} s"
    )
    return ratio_at_least("F8 capacity", carried, "users", theirs, _CAPACITY, against=against)


def _memory(thread: EngineThread, size: Residents, progress: Progress) -> list[Figure]:
    engine = thread.engine
    progress(f"{size.conversations} conversations, one process each")
    plain = asyncio.run(one_each(lambda: _command(engine), size))
    progress(f"{size.conversations} conversations on {size.processes} processes")
    ours = thread.run(shared(engine, size))
    each = f"one held-open process a conversation: {plain:.4g} MiB"
    against = f"{each}; {size.conversations} conversations on {size.processes} processes, the engine's own counted"
    room, theirs = (size.conversations * 1024 / mib for mib in (ours, plain))
    return [
        ratio_at_most("F8 memory", ours, "MiB", plain, _MEMORY, against=against),
        ratio_at_least("F8 concurrent sessions", room, "conversations a GiB", theirs, _SESSIONS, against=against),
    ]


def _background(size: Size) -> Figure:
    """The row of group `workers`, under its requirement's name."""
    tasks, theirs = workers.waiting_tasks(size.jobs)
    against = f"one task a job behind a semaphore: {theirs:g}; {size.jobs} jobs wait"
    return ratio_at_most("F8 tasks of background work that waits", tasks, "tasks", theirs, 0.5, against=against)


def _command(engine: Engine) -> AgentCommand:
    profile = engine.profiles.find("default", "default")
    return engine.backend.command(AgentSpec("bench", profile, str(uuid.uuid4()), resume=False))
