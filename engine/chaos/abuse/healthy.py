"""A client that behaves, and how long it waits for its answers while others do not."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from pathlib import Path

EVERY_S = 0.01
"""Seconds between two calls; at most, since a call is not made before the last one is answered."""
_TIMEOUT_S = 30.0


class HealthyClient:
    """Owner of a thread that calls the engine as long as it lives, on a connection that it keeps."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waits: list[float] = []
        self._failed = 0
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="healthy client", daemon=True)
        self._thread.start()

    def take(self) -> tuple[list[float], int]:
        """The seconds that it waited since the last time, and how many calls failed."""
        with self._lock:
            waits, failed = self._waits, self._failed
            self._waits, self._failed = [], 0
        return waits, failed

    def close(self) -> None:
        """Call no more."""
        self._over.set()
        self._thread.join(_TIMEOUT_S)

    def _run(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._over.wait(EVERY_S):
            began = time.monotonic()
            try:
                connection = connection or _connect(self._path)
                connection.request("GET", "/api/pool")
                answer = connection.getresponse()
                answer.read()
                failed = answer.status != http.client.OK
            except (OSError, http.client.HTTPException):
                connection, failed = None, True
            with self._lock:
                self._failed += failed
                if not failed:
                    self._waits.append(time.monotonic() - began)


def _connect(path: Path) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("engine", timeout=_TIMEOUT_S)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(_TIMEOUT_S)
    connection.sock.connect(str(path))
    return connection
