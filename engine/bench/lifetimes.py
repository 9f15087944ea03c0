"""How long a session's creation and its removal take, one after another on an empty pool."""

from __future__ import annotations

import time

from engine.bench.figures import Figure, figure
from engine.bench.fixtures import until
from engine.engine import Engine
from engine.pool.routing import LeaseRequest
from engine.pool.statistics import percentiles

ONE_AT_A_TIME = ("session_pool.min_size=0", "session_pool.max_size=1", "session_pool.warm=0")


async def lifetimes(engine: Engine, rounds: int, what: str) -> list[Figure]:
    """Rows `create` (to the answer of its first control request) and `remove` (to the proof that its tree is empty)."""
    wish = LeaseRequest(engine.profiles.find("default", "default"), "")
    created: list[float] = []
    removed: list[float] = []
    for _ in range(rounds):
        await until(lambda: not engine.pool.members)
        began = time.perf_counter()
        lease = await engine.pool.lease(wish, timeout=120.0)
        created.append(time.perf_counter() - began)
        engine.pool.release(lease)
        began = time.perf_counter()
        await engine.pool.stop_session(lease.session.id, "bench")
        removed.append(time.perf_counter() - began)
    return [
        figure(f"create, {what}, p50", 1e3 * percentiles(created).p50, "ms", against=f"{rounds} in a row"),
        figure(f"remove, {what}, p50", 1e3 * percentiles(removed).p50, "ms", against=f"{rounds} in a row"),
    ]
