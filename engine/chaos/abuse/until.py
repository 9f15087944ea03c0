"""Waiting for a condition, and how long that took."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

_LOOK_S = 0.05


async def until(condition: Callable[[], Awaitable[bool]], seconds: float) -> float:
    """Seconds until the condition holds, at most so many."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        took = loop.time() - began
        if took >= seconds or await condition():
            return took
        await asyncio.sleep(_LOOK_S)
