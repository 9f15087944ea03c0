"""Who is at the other end of the local socket: agents may read there, and act only through their own session."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

from engine.api.envelope import failed
from engine.errors import Forbidden
from engine.local_trust import Peer

PEER = "peer"
"""Name in the state of an ASGI scope."""
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_pid: ContextVar[int] = ContextVar("pid of the process that asks", default=0)


class AgentRefused(Forbidden):
    """An agent, or what it started, wanted to act on the engine that runs it."""

    code = "agent_refused"


class AgentGate:
    """Refuses everything that acts to processes of agents; `agent_behind` says what makes a pid one, or nothing."""

    def __init__(self, app: ASGIApp, agent_behind: Callable[[int], str]) -> None:
        self._app = app
        self._agent_behind = agent_behind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        peer: Peer | None = scope.get("state", {}).get(PEER)
        if peer is None or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] not in _READS and (why := self._why_not(peer)):
            await failed(_refused(peer, why))(scope, receive, send)
            return
        _pid.set(peer.pid)
        await self._app(scope, receive, send)

    def _why_not(self, peer: Peer) -> str:
        if not peer.pid:
            return ""
        try:
            return self._agent_behind(peer.pid)
        except OSError as error:
            return f"it cannot be looked at: {error.strerror or 'it is gone'}"


def named(user: str) -> str:
    """Who asks, for histories: the user, with the pid of the process where it came over the local socket."""
    return f"{user} (pid {_pid.get()})" if _pid.get() else user


def _refused(peer: Peer, why: str) -> AgentRefused:
    sentence = f"Process {peer.pid} acts for an agent and may not act on the engine: {why}."
    return AgentRefused(sentence, remedy="Act from a terminal of yours; an agent asks for permissions in its session.")
