"""The local socket: bound by us in a folder of mode 0700, under a lock that tells a live engine from a dead one."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
from pathlib import Path

from engine.base.errors import BadInput
from engine.base.local_trust import own_folder

MAX_PATH = 107
"""Bytes of a Unix socket's path on Linux."""


class EngineRuns(BadInput):
    """Another engine listens on this socket."""

    code, http_status = "engine_runs", 409


class LocalSocket:
    """Owner of the socket's file and its lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self._inode = 0

    def bind(self) -> socket.socket:
        """Listen. A dead engine's socket is replaced. Raises EngineRuns for a live one's, BadInput for a bad path."""
        if len(os.fsencode(self.path)) > MAX_PATH:
            raise BadInput(
                f"{self.path} is too long for a socket.", field="api.socket", remedy="Set a shorter `api.socket`."
            )
        try:
            own_folder(self.path.parent, "api.socket")
            self._take_lock()
            return self._listen()
        except OSError as error:
            self.release()
            remedy = "Set `api.socket` to a path in a folder of yours."
            raise BadInput(
                f"{self.path} cannot be made: {error.strerror}.", field="api.socket", remedy=remedy
            ) from error

    @property
    def lost(self) -> bool:
        """Whether our file is not at the path any more. Raises OSError when that cannot be seen."""
        return _inode_of(self.path) != self._inode

    def bind_again(self) -> socket.socket:
        """Listen once more at the path, whose folder or file was deleted. Raises EngineRuns, OSError."""
        own_folder(self.path.parent, "api.socket")
        if self._lock is None or os.fstat(self._lock).st_ino != _inode_of(self._lock_path):
            before, self._lock = self._lock, None
            try:
                self._take_lock()
            except BaseException:
                self._lock = before
                raise
            if before is not None:
                os.close(before)
        return self._listen()

    def release(self) -> None:
        """Remove our socket, if it is still ours, and give the lock back."""
        with contextlib.suppress(OSError):
            if self._inode and self.path.stat().st_ino == self._inode:
                self.path.unlink()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def _lock_path(self) -> Path:
        return self.path.with_suffix(".lock")

    def _take_lock(self) -> None:
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise EngineRuns(
                f"An engine already listens on {self.path}.",
                remedy="`quarterdeck attach` opens a console on it; another one needs another `api.socket`.",
            ) from None
        self._lock = lock

    def _listen(self) -> socket.socket:
        if self.path.exists() and not self.path.is_socket():
            raise FileExistsError(errno.EEXIST, "something else than a socket is there")
        self.path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(self.path))
            self.path.chmod(0o600)
            listener.listen(128)
        except OSError:
            listener.close()
            raise
        self._inode = self.path.stat().st_ino
        return listener


def _inode_of(path: Path) -> int:
    """0 when nothing is there."""
    try:
        return path.stat().st_ino
    except (FileNotFoundError, NotADirectoryError):
        return 0
