"""A deadline that does not count the time in which the engine was paused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.base.clock import Clock


@asynccontextmanager
async def deadline(clock: Clock, seconds: float | None) -> AsyncIterator[None]:
    """Cancel the block after `seconds`, pauses that `clock` knows of left out; raises TimeoutError. None never does."""
    loop, timers = asyncio.get_running_loop(), list[asyncio.TimerHandle]()
    async with asyncio.timeout(None) as timeout:
        if seconds is not None:
            until = loop.time() + seconds - clock.paused

            def look() -> None:
                clock.monotonic()  # finds out about a pause that has just ended
                left = until + clock.paused - loop.time()
                if left > 0:
                    timers[:] = [loop.call_later(left, look)]
                else:
                    timeout.reschedule(loop.time())

            timers.append(loop.call_later(seconds, look))
        try:
            yield
        finally:
            for timer in timers:
                timer.cancel()
