"""Accepting connections: a few at a time, not while a listener is full, and not while descriptors have run out."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from engine.api.admission import GRACE_S

BATCH = 16
"""Connections that are accepted before others of the loop's work get their turn."""
PAUSE_S = 0.5
"""Seconds that a listener rests when the machine has no descriptor left."""
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Acceptor:
    """Owner of one listening socket; has the part of asyncio's server that uvicorn uses."""

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        full: Callable[[], bool],
        on_exhausted: Callable[[OSError], None],
    ) -> None:
        self._listener = listener
        self._protocol = protocol
        self._full = full
        self._on_exhausted = on_exhausted
        self._loop = asyncio.get_running_loop()
        self._resuming: asyncio.TimerHandle | None = None
        self._connecting: set[asyncio.Task[object]] = set()
        self._closed = False
        listener.setblocking(False)

    def start(self) -> None:
        """Accept from now on."""
        self._resuming = None
        if not self._closed:
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """Accept nothing more; open connections stay."""
        if self._closed:
            return
        self._closed = True
        if self._resuming is not None:
            self._resuming.cancel()
        if self._listener.fileno() >= 0:
            self._loop.remove_reader(self._listener.fileno())

    async def wait_closed(self) -> None:
        """Wait until what was accepted last is in its protocol's hands."""
        if self._connecting:
            await asyncio.wait(self._connecting)

    def _accept(self) -> None:
        for _ in range(BATCH):
            if self._full():
                self._pause(GRACE_S)
                return
            try:
                connection, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._on_exhausted(error)
                # Whatever it was: the listener stays readable, so going on at once would spin.
                self._pause(PAUSE_S)
                return
            self._hand_over(connection)

    def _hand_over(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        work = self._loop.create_task(self._connect(connection), name="api connection")
        self._connecting.add(work)
        work.add_done_callback(self._connecting.discard)

    async def _connect(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:
            connection.close()

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener.fileno())
        if self._resuming is None and not self._closed:
            self._resuming = self._loop.call_later(seconds, self.start)
