"""The end of open streams: each gets a last event before the API closes its connections."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from engine.base.errors import Overloaded

LAST_WORK_S = 1.0
"""Seconds that a streamed answer has to end by itself once the API stops; connections are cut after two."""
LAST_MESSAGE_S = 0.5
"""Seconds that the event streams have to state that they end."""
REASON = "the engine stops"


class EngineStops(Overloaded):
    """The engine stopped before the answer was there."""

    code = "engine_stopped"

    def __init__(self) -> None:
        remedy = "`quarterdeck checkpoints` lists what was broken off; ask again when the engine is back."
        super().__init__("The engine stopped before the answer was complete.", remedy=remedy)


class Ending:
    """Owner of the moment at which the API stops: `begun` is set then, and `closing` a little later."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.closing = asyncio.Event()
        self._open = 0
        self._closed = asyncio.Event()
        self._closed.set()

    @contextmanager
    def stream(self) -> Iterator[None]:
        """While one event stream is open."""
        self._open += 1
        self._closed.clear()
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._closed.set()

    async def begin(self) -> None:
        """The API stops: back when the event streams have sent their last message, or would not."""
        self.begun.set()
        asyncio.get_running_loop().call_later(LAST_WORK_S, self.closing.set)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_MESSAGE_S):
                await self._closed.wait()
