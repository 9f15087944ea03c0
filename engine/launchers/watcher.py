"""How Python 3.11 learns that a child has ended, on the loop that started it; later versions do this by themselves."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVarTuple, Unpack

Told = TypeVarTuple("Told")


class OwnLoopWatcher(asyncio.AbstractChildWatcher):
    """Watches each child by pidfd on the loop that it was started on.

    The plain PidfdChildWatcher has one loop, and the policy moves it whenever the main thread sets its own: with a
    console in the main thread the engine would lose sight of its children at the very moment the console ends.
    """

    def add_child_handler(self, pid: int, callback: Callable[[int, int, Unpack[Told]], object], *args: *Told) -> None:
        """Call back with the pid and exit code, once, on the running loop."""
        loop = asyncio.get_running_loop()
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:  # nobody would learn of its end: it has just begun, and ends
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        loop.add_reader(pidfd, self._ended, loop, pidfd, pid, callback, args)

    def remove_child_handler(self, _pid: int) -> bool:
        """Handlers stay until the child ends, as in Python 3.12."""
        return True

    def attach_loop(self, _loop: asyncio.AbstractEventLoop | None) -> None:
        """No loop of its own."""

    def is_active(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Nothing is held between children."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @staticmethod
    def _ended(
        loop: asyncio.AbstractEventLoop, pidfd: int, pid: int, callback: Callable[..., object], args: tuple[Any, ...]
    ) -> None:
        loop.remove_reader(pidfd)
        os.close(pidfd)
        try:
            _pid, status = os.waitpid(pid, 0)
        except ChildProcessError:
            code = 255  # somebody else has reaped it; asyncio's own watchers say the same
        else:
            code = os.waitstatus_to_exitcode(status)
        callback(pid, code, *args)
