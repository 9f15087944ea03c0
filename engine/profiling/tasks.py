"""What awaits what: the tasks of the running loop, alike ones together."""

from __future__ import annotations

import asyncio
import gc
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from engine.profiling.stacks import printable, short_path

MOST_TASKS, MOST_ROWS, _DEPTH = 5000, 100, 50
_NUMBERS = re.compile(r"\d+|\b[0-9a-f]{8,}\b")


@dataclass(frozen=True, slots=True)
class TaskRow:
    """Tasks of one name (numbers replaced by #) that stand at one place: `chain` leads from coroutine to wait.

    `awaits` names the task or the kind of future at its end, or is `runs`.
    """

    name: str
    count: int
    chain: tuple[str, ...]
    awaits: str


@dataclass(frozen=True, slots=True)
class TaskTable:
    """All tasks, and the rows of those that were looked at, the most first."""

    total: int
    rows: tuple[TaskRow, ...]


def task_table() -> TaskTable:
    """The tasks of the running loop as they stand now."""
    tasks = asyncio.all_tasks()
    current = asyncio.current_task()
    rows: Counter[tuple[str, tuple[str, ...], str]] = Counter()
    for _, task in zip(range(MOST_TASKS), tasks, strict=False):
        chain, awaits = _chain(task.get_coro())
        rows[_plain(task.get_name()), chain, "runs" if task is current else awaits] += 1
    found = [TaskRow(name, count, chain, awaits) for (name, chain, awaits), count in rows.most_common(MOST_ROWS)]
    return TaskTable(len(tasks), tuple(found))


def _chain(coroutine: Any) -> tuple[tuple[str, ...], str]:
    """The coroutines that await each other, the outermost first, and what the innermost awaits."""
    chain: list[str] = []
    at = coroutine
    while at is not None and len(chain) < _DEPTH:
        frame = getattr(at, "cr_frame", None) or getattr(at, "gi_frame", None) or getattr(at, "ag_frame", None)
        if frame is None:
            return tuple(chain), _awaited(at)
        chain.append(f"{frame.f_code.co_qualname} ({short_path(frame.f_code.co_filename)}:{frame.f_lineno})")
        at = getattr(at, "cr_await", None) or getattr(at, "gi_yieldfrom", None) or getattr(at, "ag_await", None)
    return tuple(chain), "runs"


def _awaited(iterator: object) -> str:
    """The future that an await stands on, by way of what its iterator refers to."""
    for each in gc.get_referents(iterator):
        if isinstance(each, asyncio.Task):
            return f"task {_plain(each.get_name())}"
        if isinstance(each, asyncio.Future):
            return type(each).__name__.strip("_").lower()
    return type(iterator).__name__


def _plain(name: str) -> str:
    return _NUMBERS.sub("#", printable(name))[:200]
