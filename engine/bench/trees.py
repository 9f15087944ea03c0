"""What one reading of the whole process trees of 100 sessions costs the engine."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.bench.figures import Figure, at_most
from engine.launchers.containment import Containment
from engine.maintenance import TICK_S
from engine.sessions.readings import Readings

SESSIONS, TOOLS = 100, 2
_TREE = ("/bin/sh", "-c", "sleep 3600 & sleep 3600 & wait")
"""A stand-in for an agent with two tools: three processes."""


async def tree_reading(rounds: int) -> Figure:
    """The row; CPU of the reading's thread and of the sums, as a share of a core at one reading a tick."""
    containment, readings = Containment(uuid.uuid4().hex[:12]), Readings()
    async with _trees() as roots:
        while any(len(tree.processes) <= TOOLS for tree in (await containment.read_trees(roots)).values()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        began = time.process_time()
        for number in range(rounds):
            readings.read(await containment.read_trees(roots), float(number))
        each = (time.process_time() - began) / rounds
    against = f"a tick of {TICK_S:g} s; {1 + TOOLS} processes a session, {1e3 * each:.3g} ms a reading"
    return at_most(
        f"one whole-tree reading of {SESSIONS} sessions", 100 * each / TICK_S, "% of a core", 5.0, against=against
    )


@asynccontextmanager
async def _trees() -> AsyncIterator[dict[str, int]]:
    """The roots of so many trees, by name; each is a process group that is killed at the end."""
    started = [await asyncio.create_subprocess_exec(*_TREE, start_new_session=True) for _ in range(SESSIONS)]
    try:
        yield {f"s{number:04d}": process.pid for number, process in enumerate(started)}
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.gather(*(process.wait() for process in started))
