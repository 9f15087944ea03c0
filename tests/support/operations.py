"""Operations called as a test: what an operator does to an engine, by the one door."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from engine.base.caller import Caller
from engine.engine import Engine
from engine.operations.declared.permissions import ANSWER_PERMISSION, AnswerPermission
from engine.operations.declared.pool import AUTOSCALE_POOL, Autoscale
from engine.operations.declared.profiles import DRAIN_PROFILE, RESUME_PROFILE, DrainProfile, ProfileName
from engine.operations.declared.sessions import (
    HIBERNATE_SESSION,
    INTERRUPT_SESSION,
    KILL_SESSION,
    RECYCLE_SESSION,
    STOP_SESSION,
    RecycleSession,
    SessionId,
    StopSession,
)
from engine.operations.execute import Operations
from engine.operations.operation import Operation

A = TypeVar("A", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)


async def execute(engine: Engine, operation: Operation[A, R], args: A, user: str = "test") -> R:
    """The result of an operation for a user of the library."""
    return await Operations(engine).execute(operation, args, Caller(user))


async def stop_session(
    engine: Engine, session: str, who: str = "test", *, kill: bool = False, request: bool = True
) -> list[str]:
    """Stop or kill a session; the requests that ended with it."""
    args = StopSession(id=session, request=request)
    if kill:
        return (await execute(engine, KILL_SESSION, args, who)).requests
    return (await execute(engine, STOP_SESSION, args, who)).requests


async def interrupt(engine: Engine, session: str, who: str = "test") -> bool:
    """End a session's turn."""
    return (await execute(engine, INTERRUPT_SESSION, SessionId(id=session), who)).interrupted


async def recycle_session(engine: Engine, session: str, who: str, deadline: float) -> None:
    """End a session with its turn, at the latest at the deadline."""
    await execute(engine, RECYCLE_SESSION, RecycleSession(id=session, deadline=deadline), who)


async def hibernate_session(engine: Engine, session: str, who: str) -> str:
    """End an idle session's process; its conversation."""
    return (await execute(engine, HIBERNATE_SESSION, SessionId(id=session), who)).hibernated.conversation


async def drain_profile(engine: Engine, name: str, deadline: float) -> int:
    """Drain a profile; the number of its sessions that ended."""
    return (await execute(engine, DRAIN_PROFILE, DrainProfile(name=name, deadline=deadline))).drained.sessions


async def resume_profile(engine: Engine, name: str) -> None:
    """Let a profile's sessions start again."""
    await execute(engine, RESUME_PROFILE, ProfileName(name=name))


async def autoscale(engine: Engine, on: bool, who: str) -> None:
    """Follow the load, or stay."""
    await execute(engine, AUTOSCALE_POOL, Autoscale(enabled=on), who)


async def answer(engine: Engine, permission: str, who: str, *, allowed: bool, message: str = "") -> None:
    """Answer a permission."""
    await execute(engine, ANSWER_PERMISSION, AnswerPermission(id=permission, allowed=allowed, message=message), who)
