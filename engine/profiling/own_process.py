"""What this process holds open: its threads and file descriptors."""

from __future__ import annotations

from pathlib import Path

import psutil

_TASKS, _DESCRIPTORS = Path("/proc/self/task"), Path("/proc/self/fd")


def thread_count() -> int:
    """Threads of this process, those of libraries included."""
    try:
        return _TASKS.stat().st_nlink - 2
    except OSError:  # a system without /proc
        return int(psutil.Process().num_threads())


def descriptor_count() -> int:
    """Open file descriptors of this process."""
    try:
        if known := _DESCRIPTORS.stat().st_size:  # since Linux 6.2 their number
            return known
        return sum(1 for _ in _DESCRIPTORS.iterdir()) - 1  # the listing has one itself
    except OSError:
        return int(psutil.Process().num_fds())
