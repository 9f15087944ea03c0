"""What the benchmarks run on: the offline model in a process of its own, engines in a thread of their own."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from engine.base.process import python_module
from engine.bench.figures import Figure, figure
from engine.engine import Engine
from engine.pool.routing import LeaseRequest
from engine.pool.statistics import percentiles
from engine.requests import Request
from engine.settings.load import Loaded, load_settings
from engine.thread import EngineThread, Serve

CALM = ("engine.demo=off", "engine.grace=0s", "session_pool.max_turns_per_session=100000")
"""Settings that every measurement has in common."""

ROOMY = ("session_pool.limits.memory_floor=0", "session_pool.auto_scaling.target_memory=1", "queue.max_waiting=100000")
"""No brake but the pool's own size."""
OFTEN_KILLED = ("session_pool.crashes_borne=1000", "recovery.starts=1000")
"""Bounds that one conversation's many crashes do not use up."""


@asynccontextmanager
async def offline_model(seed: int) -> AsyncIterator[str]:
    """The offline model's address, from a process of its own, whose CPU time counts for nobody."""
    process = await asyncio.create_subprocess_exec(
        *python_module("engine.offline_model"), str(seed), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a pipe was asked for and not given")
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        await process.wait()


def claude_settings(folder: Path, binary: Path, url: str, overrides: Sequence[str]) -> Loaded:
    """The real CLI on an offline model, with homes of its own."""
    mine = [
        *CALM,
        "engine.backend=claude",
        f"engine.state_dir={folder / 'state'}",
        f"claude.binary={binary}",
        "credential.api_key=offline",
        f"credential.base_url={url}",
        "credential.share_login=false",
        "session_pool.start_timeout=120s",
    ]
    return load_settings(None, [*mine, *overrides], {"HOME": str(folder)}, None)


def simulator_settings(folder: Path, overrides: Sequence[str]) -> Loaded:
    """The simulator."""
    mine = [*CALM, "engine.backend=simulator", f"engine.state_dir={folder / 'state'}"]
    return load_settings(None, [*mine, *overrides], {"HOME": str(folder)}, None)


@contextmanager
def running(loaded: Loaded, serve: Serve | None = None, *, owns_process: bool = False) -> Iterator[EngineThread]:
    """An engine without listeners, unless it is to serve some, drained at the end; `owns_process` as headless."""
    thread = EngineThread(loaded, serve, owns_process=owns_process)
    thread.start()
    try:
        yield thread
    finally:
        thread.request_stop("the benchmark is done")
        thread.join()


async def ask(engine: Engine, prompt: str, conversation: str = "", user: str = "") -> str:
    """One request; returns the conversation that answered it."""
    request = Request(id=uuid.uuid4().hex[:12], prompt=prompt, conversation=conversation, user=user)
    return (await engine.submit(request)).conversation


async def until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for a condition. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for is announced to nobody
            await asyncio.sleep(0.01)


ONE_AT_A_TIME = ("session_pool.min_size=0", "session_pool.max_size=1", "session_pool.warm=0")


async def lifetimes(engine: Engine, rounds: int, what: str) -> list[Figure]:
    """Rows `create` (to the answer of its first control request) and `remove` (to the proof that its tree is empty)."""
    request = LeaseRequest(engine.profiles.find("default", "default"), "")
    created: list[float] = []
    removed: list[float] = []
    for _ in range(rounds):
        await until(lambda: not engine.pool.members)
        began = time.perf_counter()
        lease = await engine.pool.lease(request, timeout=120.0)
        created.append(time.perf_counter() - began)
        engine.pool.release(lease)
        began = time.perf_counter()
        await engine.pool.stop_session(lease.session.id, "bench")
        removed.append(time.perf_counter() - began)
    return [
        figure(f"create, {what}, p50", 1e3 * percentiles(created).p50, "ms", against=f"{rounds} in a row"),
        figure(f"remove, {what}, p50", 1e3 * percentiles(removed).p50, "ms", against=f"{rounds} in a row"),
    ]
