"""Memory of conversations that go on: one held-open process each, beside a pool in which most of them sleep."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from engine.backends.base import AgentCommand
from engine.bench.baseline import held_process
from engine.bench.fixtures import ask
from engine.engine import Engine
from engine.launchers.tree_usage import pss_of

MIB = 1024 * 1024
AT_ONCE = 4
"""Conversations that are visited at once."""
_PROMPT = "[[words: 10]]"


@dataclass(frozen=True)
class Residents:
    """Conversations, the processes that they share, and how often each is visited for some turns."""

    conversations: int = 24
    processes: int = 8
    visits: int = 2
    turns: int = 3


async def one_each(command: Callable[[], AgentCommand], size: Residents) -> float:
    """MiB of one process a conversation, each held open without an engine, after all visits."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(held_process(command())) for _ in range(size.conversations)]

        async def turn(number: int) -> None:
            await opened[number][0](_PROMPT)

        await _visit(turn, size)
        return _mib([pid for _ask, pid in opened])


async def shared(engine: Engine, size: Residents) -> float:
    """MiB of the pool's processes and of the engine's own, after the same visits."""
    held = [""] * size.conversations

    async def turn(number: int) -> None:
        held[number] = await ask(engine, _PROMPT, held[number])

    await _visit(turn, size)
    spares = [member.session.pid for member in engine.pool.members.values() if member.spare]
    sessions = [session.pid for session in engine.pool.sessions.values()]
    return _mib({*spares, *sessions, os.getpid()})


async def _visit(turn: Callable[[int], Awaitable[None]], size: Residents) -> None:
    """All conversations in order, AT_ONCE at once, so many times; a visit has some turns."""

    async def visit(left: list[int]) -> None:
        while left:
            number = left.pop(0)
            for _ in range(size.turns):
                await turn(number)

    order = [number for _ in range(size.visits) for number in range(size.conversations)]
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(visit(order))


def _mib(pids: Iterable[int]) -> float:
    return sum(size for pid in pids if (size := pss_of(pid)) is not None) / MIB
