"""The part of group `pool` that runs the real CLI, on the offline model."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate
from pathlib import Path

from engine.base.errors import QuarterdeckError
from engine.bench.figures import Figure, Size, at_least, at_most, figure, ratio_at_most
from engine.bench.fixtures import (
    OFTEN_KILLED,
    ONE_AT_A_TIME,
    ROOMY,
    ask,
    claude_settings,
    lifetimes,
    offline_model,
    running,
    until,
)
from engine.bench.waking import SPARED, stream_settings, streams, wakes
from engine.engine import Engine
from engine.events.types import PoolCounts
from engine.launchers.tree_usage import pss_of
from engine.pool.statistics import percentiles
from engine.requests import Request

Progress = Callable[[str], None]
MIB = 1024 * 1024
USERS, CONVERSATIONS, PROCESSES = 20, 100, 35
_AT_ONCE = 6
_THINK_S = 1.0
"""Mean time that a user reads an answer before the next prompt: who types at once all the time is a program."""
_VISITS = 150
_TURNS_A_VISIT = 6
_ONE_SHOTS = 0.2
_CLOCKS = (
    "session_pool.min_size=1",
    "session_pool.max_size=2",
    "session_pool.load_balancing.health_check_interval=1s",
    "session_pool.probe_timeout=500ms",
)
_FOUND_WITHIN_S = 1.0 + 2 * 0.5 + 1.0
"""The engine's tick, a probe and the last look, and a second to end it."""
_START_S = 600.0


async def real_sessions(binary: Path, folder: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:
    """All figures that need the CLI."""
    bench, rows = _Bench(size, seed), []
    async with offline_model(seed) as url:
        for name, overrides, part in bench.parts():
            progress(name)
            home = folder / name.replace(" ", "-")
            (home / "workspace").mkdir(parents=True, exist_ok=True)
            mine = [each.format(workspace=home / "workspace") for each in overrides]
            with running(claude_settings(home, binary, url, [*ROOMY, *mine])) as thread:
                rows += await asyncio.wrap_future(thread.call(_run(part, thread.engine)))
    return rows


Part = Callable[[Engine], Awaitable[list[Figure]]]


async def _run(part: Part, engine: Engine) -> list[Figure]:
    return await part(engine)


class _Bench:
    """Owner of what one part measures and a later one compares with."""

    def __init__(self, size: Size, seed: int) -> None:
        self._size = size
        self._chance = random.Random(seed)  # noqa: S311 - load, not secrets
        self._one_each_mib = 0.0
        self._start_s = 0.0

    def parts(self) -> list[tuple[str, Sequence[str], Part]]:
        """Each with its settings."""
        patient = "session_pool.acquire_timeout=600s"
        found: list[tuple[str, Sequence[str], Part]] = [
            ("a step of load", ["session_pool.min_size=1", "session_pool.max_size=9", patient], self._step),
            ("crashes", ["session_pool.min_size=2", "session_pool.max_size=3", *OFTEN_KILLED], self._crash),
            ("a stopped process", _CLOCKS, self._stopped),
            ("create and remove", ONE_AT_A_TIME, self._lifetimes),
            ("wakes in a workspace", [*SPARED, "profiles.default.workspace={workspace}"], self._wakes_there),
            ("wakes in directories of their own", SPARED, self._wakes_at_home),
            ("streams", stream_settings("{workspace}"), self._streams),
        ]
        if self._size.big:
            found.append(("100 live CLIs", [f"session_pool.max_size={CONVERSATIONS}", patient], self._one_each))
            limits = [f"session_pool.max_size={PROCESSES}", "session_pool.max_waking=2", patient]
            limits += ["session_pool.wake_spares=2", "profiles.default.workspace={workspace}"]
            found.append((f"{CONVERSATIONS} conversations on {PROCESSES} processes", limits, self._shared))
        return found

    async def _step(self, engine: Engine) -> list[Figure]:
        await until(lambda: engine.pool.statistics().idle == 1)
        began = time.perf_counter()
        asked = [asyncio.create_task(ask(engine, f"[[words: 20]] [[pace: 500ms]] {n}")) for n in range(9)]
        await until(lambda: engine.pool.statistics().active == 9)
        took = time.perf_counter() - began
        await asyncio.gather(*asked)
        return [at_most("step of load to 8 more real sessions", took, "s", 5.0, against="9 requests at once")]

    async def _crash(self, engine: Engine) -> list[Figure]:
        await until(lambda: engine.pool.statistics().idle >= 2)
        conversation = await ask(engine, "[[words: 3]]")
        prompts = [f"[[words: 8]] [[pace: 100ms]] {n}" for n in range(self._size.crashes)]
        took = [await _killed_in_turn(engine, prompt, conversation) for prompt in prompts]
        against = f"{self._size.crashes} kills; the answer's own pace takes 0.8 s of it"
        return [
            at_most("SIGKILL of a busy session to its answer, p95", percentiles(took).p95, "s", 2.0, against=against)
        ]

    async def _stopped(self, engine: Engine) -> list[Figure]:
        await until(lambda: engine.pool.statistics().idle == 1)
        victim = next(iter(engine.pool.sessions))
        began = time.perf_counter()
        os.kill(engine.pool.session(victim).pid, signal.SIGSTOP)
        await until(lambda: victim not in engine.pool.sessions)
        found = time.perf_counter() - began
        await until(lambda: engine.pool.statistics().idle == 1)
        clocks = "a tick of 1 s + 2 probes of 0.5 s + 1 s"
        return [
            at_most("SIGSTOP to the session's end", found, "s", _FOUND_WITHIN_S, against=clocks),
            figure("SIGSTOP to its replacement", time.perf_counter() - began, "s", against=clocks),
        ]

    async def _lifetimes(self, engine: Engine) -> list[Figure]:
        return await lifetimes(engine, self._size.crashes, "a real CLI")

    async def _wakes_there(self, engine: Engine) -> list[Figure]:
        return await wakes(engine, self._size, "parked in the workspace")

    async def _wakes_at_home(self, engine: Engine) -> list[Figure]:
        return await wakes(engine, self._size, "parked in the conversation's own directory")

    async def _streams(self, engine: Engine) -> list[Figure]:
        return await streams(engine, self._size)

    async def _one_each(self, engine: Engine) -> list[Figure]:
        """As many live processes as conversations."""
        engine.pool.scale(CONVERSATIONS)
        began = time.perf_counter()
        await until(lambda: engine.pool.statistics().idle == CONVERSATIONS, _START_S)
        started = time.perf_counter() - began
        self._start_s = 2 * started / CONVERSATIONS
        held, failed = [""] * CONVERSATIONS, 0
        for turn in range(10):
            asked = [_turn(engine, f"[[words: 10]] {turn}", held, n) for n in range(CONVERSATIONS)]
            failed += sum(await asyncio.gather(*asked))
        self._one_each_mib = _pss(engine)
        return [
            figure(f"start of {CONVERSATIONS} real CLIs", started, "s", against="max_starting 2"),
            at_least("live real CLIs", len(engine.pool.sessions), "processes", CONVERSATIONS),
            at_most(f"errors, {CONVERSATIONS} real CLIs with 10 turns each", failed, "turns", 0),
        ]

    async def _shared(self, engine: Engine) -> list[Figure]:
        """Fewer processes than conversations: users come by Zipf's law, stay for some turns, and ask one-shots."""
        held = [""] * CONVERSATIONS
        for n in range(CONVERSATIONS):
            await _turn(engine, "[[words: 3]]", held, n)
        before, failed = engine.pool.record.snapshot(), 0
        weights = list(accumulate(1 / rank for rank in range(1, USERS + 1)))
        left = iter(range(_VISITS))
        busy: set[int] = set()

        async def come() -> None:
            nonlocal failed
            for _ in left:
                if self._chance.random() < _ONE_SHOTS:
                    failed += await _turn(engine, "[[words: 10]] [[pace: 50ms]] once", [""], 0)
                    continue
                user = self._chance.choices(range(USERS), cum_weights=weights)[0]
                free = [n for n in range(user, CONVERSATIONS, USERS) if n not in busy]
                if not free:
                    continue
                number = self._chance.choice(free)
                busy.add(number)
                for turn in range(_TURNS_A_VISIT):
                    failed += await _turn(engine, f"[[words: 10]] [[pace: 50ms]] {turn}", held, number)
                    await asyncio.sleep(self._chance.expovariate(1 / _THINK_S))
                busy.discard(number)

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(come())
        return self._shared_rows(engine, before, failed)

    def _shared_rows(self, engine: Engine, before: PoolCounts, failed: int) -> list[Figure]:
        counts, memory = engine.pool.record.snapshot(), _pss(engine)
        leases, reuses = counts.leases - before.leases, counts.reuses - before.reuses
        visits = f"{_AT_ONCE} visits of {_TURNS_A_VISIT} turns at once, {_THINK_S:g} s of thought, one-shots"
        load = f"{CONVERSATIONS} conversations, {USERS} users by Zipf(1.0), {visits}, in one workspace"
        wake = engine.pool.record.wakes.p95
        starts = f"at most 2 at once; the mean start of {CONVERSATIONS}, 2 at once, nothing else to do"
        name = f"PSS of {len(engine.pool.sessions)} processes for {CONVERSATIONS} conversations"
        return [
            at_most("errors, shared processes", failed, "turns", 0, against=load),
            at_least("reuse", 100 * reuses / leases, "%", 90.0, against=load),
            at_most("processes", len(engine.pool.sessions), "processes", PROCESSES, against=load),
            ratio_at_most(
                name, memory, "MiB", self._one_each_mib, 0.38, against="one process a conversation, spares counted"
            ),
            at_most("wake, p95", 1e3 * wake, "ms", 700.0, against=starts, ratio=wake / self._start_s),
            figure("wakes", counts.wakes - before.wakes, "wakes", against=f"{leases} turns"),
            figure("of them by a parked process", counts.spare_wakes - before.spare_wakes, "wakes", against=load),
        ]


async def _turn(engine: Engine, prompt: str, held: list[str], number: int) -> int:
    """One turn in the conversation at `number`, which is begun when there is none yet; 1 when it failed."""
    try:
        held[number] = await ask(engine, prompt, held[number], f"user{number % USERS}")
    except QuarterdeckError:
        return 1
    return 0


async def _killed_in_turn(engine: Engine, prompt: str, conversation: str) -> float:
    """Kill the session once it answers; seconds from there to the answer of the resumed conversation."""
    request = Request(id=uuid.uuid4().hex[:12], prompt=prompt, conversation=conversation)
    task = asyncio.create_task(engine.submit(request))

    def writes() -> bool:
        active = engine.dispatcher.active_requests.get(request.id)
        return active is not None and bool(active.text)

    await until(writes)
    os.kill(engine.pool.session(engine.dispatcher.active_requests[request.id].session).pid, signal.SIGKILL)
    began = time.perf_counter()
    await task
    return time.perf_counter() - began


def _pss(engine: Engine) -> float:
    pids = [session.pid for session in engine.pool.sessions.values()]
    return sum(size for pid in pids if (size := pss_of(pid)) is not None) / MIB
