"""Watches the local socket's file: once somebody has deleted it, the engine listens there again, with a notice."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Protocol

from engine.api.local_socket import EngineRuns, LocalSocket
from engine.events.bus import Bus
from engine.events.types import Notice, Severity


class Listening(Protocol):
    """Serves one listening socket."""

    @property
    def connections(self) -> int:
        """Open connections."""

    def stop(self) -> Awaitable[None]:
        """Close it and its connections."""


class SocketWatch:
    """Owner of those that serve the local socket: the newest listens, the others keep their connections to the end."""

    def __init__(self, local: LocalSocket, serve: Callable[[socket.socket], Listening], bus: Bus) -> None:
        self._local = local
        self._serve = serve
        self._bus = bus
        self._serving = [serve(local.bind())]
        self._taken = False
        self._closed = False

    async def check(self) -> None:
        """Once a second. Raises OSError while the socket cannot be bound."""
        if self._closed:
            return
        await self._stop_idle()
        if not self._local.lost:
            return
        try:
            listener = self._local.bind_again()
        except EngineRuns as error:
            if not self._taken:
                self._taken = True
                text = f"another engine took {self._local.path} over: this one is reached by TCP only"
                self._bus.publish(Notice(severity=Severity.CRITICAL, text=text, remedy=error.remedy))
            return
        self._taken = False
        self._serving.append(self._serve(listener))
        text = f"{self._local.path} was deleted: the engine listens there again"
        remedy = "Find out who deleted it; clients reach the engine as before."
        self._bus.publish(Notice(severity=Severity.WARNING, text=text, remedy=remedy))

    async def _stop_idle(self) -> None:
        idle = [each for each in self._serving[:-1] if not each.connections]
        self._serving = [each for each in self._serving if each not in idle]
        for each in idle:
            await each.stop()

    async def stop(self) -> None:
        """Close all and remove the socket; it is not bound again."""
        self._closed = True
        for each in self._serving:
            await each.stop()
        self._local.release()
