"""Who is at the other end of a connection within this machine: agents may read, and act only in their own session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

from engine.api.envelope import failed
from engine.base.errors import Forbidden
from engine.base.local_trust import Peer
from engine.launchers.socket_holders import holders_of

PEER = "peer"
"""Name in the state of an ASGI scope."""
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_pid: ContextVar[int] = ContextVar("pid of the process that asks", default=0)


class AgentRefused(Forbidden):
    """An agent, or what it started, wanted to act on the engine that runs it."""

    code = "agent_refused"


class AgentGate:
    """Refuses everything that acts to processes of agents; `agent_behind` returns why a pid is one, or nothing."""

    def __init__(self, app: ASGIApp, agent_behind: Callable[[int], str]) -> None:
        self._app = app
        self._agent_behind = agent_behind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] in _READS:
            await self._app(scope, receive, send)
            return
        pids = await _pids_behind(scope)
        for pid in pids or ():
            if why := self._why_not(pid):
                await failed(_refused(pid, why))(scope, receive, send)
                return
        if pids == []:
            await failed(_refused(0, "none of this user's processes is seen to hold the connection"))(
                scope, receive, send
            )
            return
        if pids:
            _pid.set(pids[0])
        await self._app(scope, receive, send)

    def _why_not(self, pid: int) -> str:
        try:
            return self._agent_behind(pid)
        except OSError as error:
            return f"it cannot be looked at: {error.strerror or 'it is gone'}"


async def _pids_behind(scope: Scope) -> list[int] | None:
    """The processes that ask; None where they are another user's or outside of our view, and empty when they hide."""
    peer: Peer | None = scope.get("state", {}).get(PEER)
    client, server = scope.get("client"), scope.get("server")
    try:
        if peer is not None:
            hidden: list[int] | None = [] if peer.pid else None
            return [peer.pid] if peer.is_there else hidden
        return await asyncio.to_thread(holders_of, client[1], server[1]) if client and server else None
    except OSError:
        return []


def calling_pid() -> int:
    """The process that makes the present request, 0 where it is not known."""
    return _pid.get()


def _refused(pid: int, why: str) -> AgentRefused:
    sentence = f"{f'Process {pid}' if pid else 'This client'} may act for an agent, and agents act on no engine: {why}."
    return AgentRefused(sentence, remedy="Act from a terminal of yours; an agent asks for permissions in its session.")
