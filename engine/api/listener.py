"""One uvicorn server on a socket of ours, with our own accepting and our own bounds on connections."""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Callable
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp, Scope

from engine.api.acceptor import Acceptor
from engine.api.admission import Admission
from engine.api.http_protocol import BoundedHttp, Door
from engine.api.server_log import limit_server_logs
from engine.operations.declared.prompts import MAX_PROMPT_BODY

KEEP_ALIVE_S = 5
"""Seconds that an idle connection is kept."""
_GRACE_S = 2
_BACKLOG = 1024


class Listener:
    """Owner of one listening socket and of the connections that came over it."""

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        admission: Admission[BoundedHttp],
        recognises: Callable[[Scope], bool],
        on_exhausted: Callable[[OSError], None],
    ) -> None:
        limit_server_logs()
        self._door = Door(admission, recognises)
        config = uvicorn.Config(
            app,
            http=cast("Any", functools.partial(BoundedHttp, door=self._door)),
            ws="websockets-sansio",
            ws_max_size=MAX_PROMPT_BODY,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # else a client of this machine could claim to come from elsewhere
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
        )
        listener.listen(_BACKLOG)
        self._server = _Server(config, self._door.admission, on_exhausted)
        self._task = asyncio.create_task(self._server.serve([listener]), name="api")

    @property
    def connections(self) -> int:
        """Its own open connections; listeners of one socket share an admission."""
        return len(self._server.server_state.connections)

    async def stop(self) -> None:
        """Close the listener, give open requests two seconds, close them."""
        self._server.should_exit = True
        await asyncio.wait([self._task])
        self._door.close()


class _Server(uvicorn.Server):
    """uvicorn's, except that it accepts connections by an Acceptor."""

    def __init__(
        self, config: uvicorn.Config, admission: Admission[BoundedHttp], on_exhausted: Callable[[OSError], None]
    ) -> None:
        super().__init__(config)
        self._admission = admission
        self._on_exhausted = on_exhausted

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        acceptors = [
            Acceptor(each, self._protocol, lambda: self._admission.full, self._on_exhausted) for each in sockets or []
        ]
        for acceptor in acceptors:
            acceptor.start()
        self.servers = cast("list[asyncio.base_events.Server]", acceptors)
        self.started = True

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = cast("Any", self.config.http_protocol_class)(
            config=self.config, server_state=self.server_state, app_state={}
        )
        return made
