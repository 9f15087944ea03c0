"""What acts on several rows share: the line for the shell among the facts, and doing it to for_each."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from engine.base.errors import QuarterdeckError
from tui.render.spans import Line

R = TypeVar("R")

LISTED = 8
"""Rows listed in a dialog; more are counted."""
AT_ONCE = 8
"""Acts that are under way at a time."""
FAILED_TOLD = 3
"""Refusals that are shown one by one."""
_WIDTH, _LINES = 70, 3


def same_as(command: str, indent: int) -> list[Line]:
    """The line that does the same in the shell, wrapped; of a long one the beginning."""
    room = _WIDTH - indent
    parts = textwrap.wrap(command, room, max_lines=_LINES, placeholder=" …", break_on_hyphens=False) or [""]
    head = "same as".ljust(indent)
    return [[(head if not n else " " * indent, "muted"), (part, "")] for n, part in enumerate(parts)]


async def for_each(rows: Sequence[R], act: Callable[[R], Awaitable[object]]) -> tuple[int, list[str]]:
    """Do it to for_each row, a few at a time: how many it was done to, and what the engine refused."""
    gate, failed = asyncio.Semaphore(AT_ONCE), []

    async def one(row: R) -> None:
        async with gate:
            try:
                await act(row)
            except QuarterdeckError as error:
                failed.append(str(error))

    async with asyncio.TaskGroup() as group:
        for row in rows:
            group.create_task(one(row))
    return len(rows) - len(failed), failed
