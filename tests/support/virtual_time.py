"""An event loop on which nobody waits: when all sleep, its clock jumps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    """Jumps over the time that a loop would sleep."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        assert ready or timeout is not None, "everything waits for something that no timer brings"
        if not ready and timeout is not None:
            self.jumped += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at 0 seconds; for coroutines that only sleep."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds that were slept."""
        return self._jumping.jumped


async def pass_seconds(seconds: float) -> None:
    """Let so much of the loop's time pass, which takes none; only for a loop of `run_virtually`."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    passed = loop.create_future()
    loop.call_later(seconds, passed.set_result, None)
    await passed


def run_virtually(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end at once, however long it sleeps."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
