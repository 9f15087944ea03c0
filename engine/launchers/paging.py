"""Gives the memory of idle sessions to swap: its pages come back one by one as the agent uses them again.

Through the session's control group where it has one with memory (`memory.reclaim`), else by `process_madvise`, which
the kernel allows to those who hold CAP_SYS_NICE alone. Only where there is swap.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from engine.launchers.cgroups import Cgroups

_PROCESS_MADVISE, _MADV_PAGEOUT = 440, 21
_CAP_SYS_NICE = 23


class _Range(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("size", ctypes.c_size_t))


def swap_free() -> int:
    """Free bytes of swap."""
    return psutil.swap_memory().free


class Paging:
    """Pages out whole sessions; `swap` reads how many bytes of it are free."""

    def __init__(self, groups: Cgroups, swap: Callable[[], int] = swap_free) -> None:
        self._groups = groups
        self._swap = swap

    def missing(self) -> str:
        """Why nothing can be paged out here; empty when it can."""
        if sys.platform != "linux" or not self._swap():
            return "no swap is free"
        if self._groups.reclaims or _may_advise():
            return ""
        return "no control group with memory of its own, and no CAP_SYS_NICE"

    def page_out(self, session: str, pids: Sequence[int], memory: int) -> bool:
        """Let the kernel page these processes of a session out, `memory` bytes at the most; whether it took the order.

        Takes about 0.3 s for 100 MB: run it in a thread. Processes that are gone meanwhile are passed over.
        """
        return self._groups.reclaim(session, memory) or sum(map(_advise, pids)) > 0


def _may_advise() -> bool:
    """Whether the kernel lets this process give advice about the memory of others."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    effective = next((line.split()[1] for line in lines if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> _CAP_SYS_NICE & 1)


def _advise(pid: int) -> int:
    """Advise the kernel about all that a process has mapped; in how many mappings it took that."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return 0
    try:
        advise = ctypes.CDLL(None, use_errno=True).syscall
        ranges = [ctypes.byref(_Range(start, size)) for start, size in _mappings(pid)]
        return sum(advise(_PROCESS_MADVISE, fd, each, 1, _MADV_PAGEOUT, 0) > 0 for each in ranges)
    finally:
        os.close(fd)


def _mappings(pid: int) -> list[tuple[int, int]]:
    """Start and size of what a process has mapped; nothing once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    ranges = [line.split(maxsplit=1)[0].partition("-") for line in lines]
    return [(int(start, 16), int(end, 16) - int(start, 16)) for start, _, end in ranges]
