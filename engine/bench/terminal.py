"""A program in a terminal of its own: what it painted and when, what it cost."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Self

_READ_BYTES = 1 << 16
_LEAVE_S = 60.0


class Terminal:
    """Owner of a pseudo-terminal and the program in it; what it writes is read at once, so that it is never held up."""

    def __init__(
        self, argv: Sequence[str], environ: Mapping[str, str], *, columns: int = 120, lines: int = 36, wanted: bytes
    ) -> None:
        self._argv = argv
        self._environ = environ
        self._size = (lines, columns)
        self._wanted = wanted
        self._tail = b""
        self._seen = threading.Event()
        self._painted = threading.Event()
        self._began = 0.0
        self.seen_after = 0.0
        self.written = 0

    def __enter__(self) -> Self:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *self._size, 0, 0))
        self._began = time.perf_counter()
        self.process = subprocess.Popen(
            self._argv, stdin=theirs, stdout=theirs, stderr=theirs, env=dict(self._environ), start_new_session=True
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        os.close(self._ours)

    def wait_for_text(self, seconds: float) -> bool:
        """Whether the wanted bytes were painted; `seen_after` then states when."""
        return self._seen.wait(seconds)

    def expect(self, wanted: bytes) -> None:
        """From now on other bytes are wanted; `seen_after` will count from here."""
        self._seen.set()  # the reader looks away while they are exchanged
        self._wanted, self._tail, self._began = wanted, b"", time.perf_counter()
        self._seen.clear()

    def press(self, keys: str, patience: float = 5.0) -> float:
        """Type keys; seconds to the first byte that is painted after them, or `patience` when there is none."""
        self._painted.clear()
        began = time.perf_counter()
        os.write(self._ours, keys.encode())
        self._painted.wait(patience)
        return min(patience, time.perf_counter() - began)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the other end was closed
            while data := os.read(self._ours, _READ_BYTES):
                self.written += len(data)
                self._painted.set()
                if not self._seen.is_set():
                    self._look_at(data)

    def _look_at(self, data: bytes) -> None:
        self._tail += data
        if self._wanted in self._tail:
            self.seen_after = time.perf_counter() - self._began
            self._seen.set()
        self._tail = self._tail[-len(self._wanted) :]
