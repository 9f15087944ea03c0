"""Bounded background tasks with one owner: nothing outlives it and no error is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from engine.base.errors import Overloaded


class Nursery:
    """Owner of its tasks. `on_error` hears of every task that failed; cancelled ones are no failures."""

    def __init__(self, name: str, on_error: Callable[[str, BaseException], None], limit: int = 10_000) -> None:
        self._name = name
        self._on_error = on_error
        self._limit = limit
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run `work` in the background. Raises Overloaded at the limit or after `aclose`."""
        if self._closed or len(self._tasks) >= self._limit:
            work.close()
            raise Overloaded(f"{self._name} takes no more background work.")
        task = asyncio.create_task(work, name=f"{self._name}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    async def join(self) -> None:
        """Take no new work and wait for what runs, without cancelling it."""
        self._closed = True
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def aclose(self) -> None:
        """Cancel what still runs and wait for it."""
        self._closed = True
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_error(task.get_name(), error)
