"""The API's listeners: the local socket always, TCP when a port is set, and then only with a token."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import Scope

from engine.api.access import TokenGate, token_in
from engine.api.admission import Admission, ConnectionCaps, caps_within
from engine.api.compression import Compressed
from engine.api.ending import Ending
from engine.api.envelope import failed
from engine.api.event_stream import EventStream
from engine.api.http_protocol import BoundedHttp
from engine.api.listener import Listener
from engine.api.local_socket import LocalSocket
from engine.api.operation_routes import OperationRoutes
from engine.api.peers import AgentGate
from engine.api.probes import Probes
from engine.api.socket_watch import SocketWatch
from engine.api.strict_text import StrictText
from engine.base.errors import BadInput, QuarterdeckError, internal_error
from engine.base.operator import user_name
from engine.engine import Engine
from engine.events.types import Notice, Severity
from engine.launchers.ancestry import agent_behind
from engine.launchers.kernel import descriptor_limit
from engine.operations.execute import Operations

_REFUSALS = {
    404: (
        "There is nothing at {path}.",
        "There are /api/pool, sessions, prompts, permissions, config, breakers, recoveries, errors and alerts.",
    ),
    405: ("{path} does not serve {method}.", "Use a method of the header Allow."),
}
_NOTICE_EVERY_S = 3600.0
Stop = Callable[[], Awaitable[None]]


class HttpRefusal(BadInput):
    """No resource of ours was asked for, or not as it can be."""

    def __init__(self, status: int, sentence: str, remedy: str) -> None:
        super().__init__(sentence, remedy=remedy)
        self.code, self.http_status = f"http_{status}", status


async def serve(engine: Engine) -> Stop:
    """Listen for an engine on its own loop; returns how to stop. Raises EngineRuns, BadInput with the remedy."""
    api = engine.settings.api
    ending = Ending()
    app = AgentGate(StrictText(application(engine, user_name(), ending)), lambda pid: _agent_behind(engine, pid))
    caps, rested = _caps(engine, 1 if api.port is None else 2), _rest_notice(engine)
    local = LocalSocket(api.socket)
    local_admission: Admission[BoundedHttp] = Admission(caps)  # one, however often the socket is bound again
    watch = SocketWatch(
        local, lambda listener: Listener(app, listener, local_admission, _everybody, rested), engine.bus
    )
    servers: list[Listener] = []
    try:
        if api.port is not None:
            gate = TokenGate(Compressed(app), token_in(engine.settings.token_file))
            servers.append(Listener(gate, _tcp(api.host, api.port), Admission(caps), gate.recognises, rested))
    except BaseException:
        await watch.stop()
        raise
    engine.maintenance.add("the local socket", watch.check)

    async def stop() -> None:
        await ending.begin()
        await asyncio.gather(watch.stop(), *(server.stop() for server in servers))

    return stop


def application(engine: Engine, caller: str, ending: Ending | None = None) -> Starlette:
    """The ASGI application over one engine."""
    probes, ending = Probes(engine), ending or Ending()
    resources = OperationRoutes(Operations(engine), caller)
    routes: list[BaseRoute] = [*probes.all(), *resources.all()]
    routes.append(WebSocketRoute("/ws", EventStream(engine, probes, ending).serve))
    handlers = {
        QuarterdeckError: _on_error,
        HTTPException: _on_http_error,
        ClientDisconnect: _on_client_gone,
        Exception: _on_bug,
    }
    made = Starlette(routes=routes, exception_handlers=handlers)
    made.state.ending = ending
    return made


def _tcp(host: str, port: int) -> socket.socket:
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = (error.strerror or "").partition(" (while")[0]  # socket repeats the address there
        raise BadInput(
            f"{host}:{port} cannot be listened on: {reason}.",
            field="api.port",
            remedy="Set another `api.port`, or none for the local socket alone.",
        ) from error
    # Accepted connections inherit it. asyncio sets it only for sockets that name their protocol, which these do not:
    # a client's delayed acknowledgement then costs 40 ms an answer.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _agent_behind(engine: Engine, pid: int) -> str:
    agents = engine.launcher.agents
    return agent_behind(pid, agents, engine.launcher.child_pids - agents.keys())


def _everybody(_scope: Scope) -> bool:
    """Who may open the local socket is known by that."""
    return True


def _caps(engine: Engine, listeners: int) -> ConnectionCaps:
    return caps_within(descriptor_limit(), engine.settings.session_pool.max_size, listeners)


def _rest_notice(engine: Engine) -> Callable[[OSError], None]:
    """One notice an hour that no connection can be accepted, however often that is tried."""
    last = -_NOTICE_EVERY_S

    def publish(error: OSError) -> None:
        nonlocal last
        now = engine.clock.monotonic()
        if now - last >= _NOTICE_EVERY_S:
            last = now
            text = f"The API cannot accept connections: {error.strerror}. It tries again by itself."
            engine.bus.publish(
                Notice(severity=Severity.WARNING, text=text, remedy="Raise the limit of open files (`ulimit -n`).")
            )

    return publish


async def _on_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, QuarterdeckError):
        raise error
    return failed(error)


async def _on_http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    known = _REFUSALS.get(error.status_code)
    if known is None:
        return failed(HttpRefusal(error.status_code, f"{error.detail}.", ""))
    sentence, remedy = (text.format(path=request.url.path, method=request.method) for text in known)
    response = failed(HttpRefusal(error.status_code, sentence, remedy))
    response.headers.update(error.headers or {})
    return response


async def _on_client_gone(_request: Request, _error: Exception) -> Response:
    """Nobody reads this: the client left while its body was read."""
    return Response(status_code=499)


async def _on_bug(_request: Request, error: Exception) -> Response:
    """The caller gets the envelope; the traceback goes on to the log."""
    return failed(internal_error(error))
