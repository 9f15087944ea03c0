"""The row of group `pool` about the engine's loop: how late it is while a hundred sessions stream."""

from __future__ import annotations

import asyncio
import time

from engine.bench.figures import Figure, at_most, figure
from engine.bench.fixtures import ask, until
from engine.engine import Engine
from engine.pool.statistics import percentiles

SESSIONS = 100
SETTINGS = (f"session_pool.max_size={SESSIONS}", "session_pool.max_starting=4", "session_pool.acquire_timeout=600s")
_BEAT_S, _SECONDS = 0.01, 10.0
_LAG_MS = 20.0
_PROMPT = "[[words: 400]] [[pace: 100ms]]"


async def loop_lag(engine: Engine) -> list[Figure]:
    """How much later than wanted a timer of the loop fires, with every session writing ten pieces a second."""
    engine.pool.scale(SESSIONS)
    await until(lambda: engine.pool.statistics().idle == SESSIONS)
    asked = [asyncio.create_task(ask(engine, f"{_PROMPT} {number}")) for number in range(SESSIONS)]
    await until(lambda: engine.pool.statistics().active == SESSIONS)
    late, ends, cpu = list[float](), time.perf_counter() + _SECONDS, time.thread_time()
    while (began := time.perf_counter()) < ends:
        await asyncio.sleep(_BEAT_S)
        late.append(time.perf_counter() - began - _BEAT_S)
    share = 100 * (time.thread_time() - cpu) / _SECONDS
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    load = f"{SESSIONS} simulator sessions, 10 pieces a second each; {len(late)} beats of {1e3 * _BEAT_S:g} ms"
    lag = percentiles(late)
    return [
        at_most("loop lag, p99", 1e3 * lag.p99, "ms", _LAG_MS, against=f"{load}; p50 {1e3 * lag.p50:.2g} ms"),
        figure("CPU of the engine's thread", share, "% of a core", against=load),
    ]
