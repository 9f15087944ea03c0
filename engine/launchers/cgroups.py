"""A control group (v2) for each session, where one may be made: the kernel's own memory limits, and `cgroup.kill`.

Elsewhere, as on most laptops and in most containers, containment works by descent and tag alone.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.settings.schema import Settings

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """Bytes of `memory.high` (the kernel slows the session down) and `memory.max` (it kills it); 0 is no limit."""

    memory_high: int = 0
    memory_max: int = 0


class Cgroups:
    """Owner of `<own group>/quarterdeck-ENGINE/SESSION`. Every method does nothing where groups cannot be made."""

    def __init__(self, engine: str, limits: Callable[[], GroupLimits], root: Path = ROOT, own: Path = OWN) -> None:
        self._limits = limits
        self._folder = _group_of(root, own, engine)
        self.usable = False

    def open(self) -> bool:
        """Make the engine's group; whether that works here."""
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._folder.mkdir(exist_ok=True)
                self.usable = (self._folder / "cgroup.procs").exists()
                self._delegate(self._folder)
        return self.usable

    def enter(self, session: str, pid: int) -> None:
        """Put a process that was just started, and all that it will start, into the session's group."""
        if not self.usable or self._folder is None:
            return
        group, limits = self._folder / session, self._limits()
        with contextlib.suppress(OSError):  # without its group a session is still held by descent and tag
            group.mkdir(exist_ok=True)
            for name, size in (("memory.high", limits.memory_high), ("memory.max", limits.memory_max)):
                if size and (group / name).exists():
                    (group / name).write_text(str(size))
            (group / "cgroup.procs").write_text(str(pid))

    def kill(self, session: str) -> bool:
        """SIGKILL for everything in the session's group at once; whether the kernel took the order."""
        if not self.usable or self._folder is None:
            return False
        switch = self._folder / session / "cgroup.kill"
        try:
            if switch.exists():
                switch.write_text("1")
                return True
        except OSError:
            return False
        return False

    @property
    def reclaims(self) -> bool:
        """Whether the kernel takes the memory of a session's group back when it is asked to (Linux 5.19)."""
        if not self.usable or self._folder is None:
            return False
        return (self._folder / "memory.reclaim").exists() and _holds_memory(self._folder)

    def reclaim(self, session: str, memory: int) -> bool:
        """Take so many bytes of a session's memory back, or as many as there are; whether the kernel took the order."""
        if not self.reclaims or self._folder is None:
            return False
        try:
            (self._folder / session / "memory.reclaim").write_text(str(memory))
        except OSError as error:
            return error.errno == errno.EAGAIN  # less than asked for could be taken
        return True

    def remove(self, session: str) -> None:
        """The session's tree is proven empty."""
        if self.usable and self._folder is not None:
            with contextlib.suppress(OSError):
                (self._folder / session).rmdir()

    def close(self) -> None:
        """All sessions are gone."""
        if self.usable and self._folder is not None:
            with contextlib.suppress(OSError):
                self._folder.rmdir()

    @staticmethod
    def _delegate(folder: Path) -> None:
        """Let the sessions' groups have memory limits, where the kernel lets us."""
        with contextlib.suppress(OSError):
            if "memory" in (folder / "cgroup.controllers").read_text().split():
                (folder / "cgroup.subtree_control").write_text("+memory")


def _holds_memory(folder: Path) -> bool:
    """Whether the groups below this one have a memory of their own."""
    try:
        return "memory" in (folder / "cgroup.subtree_control").read_text().replace("+", "").split()
    except OSError:
        return False


def _group_of(root: Path, own: Path, engine: str) -> Path | None:
    """The engine's group below the one that this process is in; None where there is no unified hierarchy."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    mine = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)
    if mine is None or not (root / "cgroup.controllers").exists():
        return None
    return root / mine.lstrip("/") / f"quarterdeck-{engine}"


def group_limits(settings: Settings) -> GroupLimits:
    """What a cgroup bounds."""
    limits = settings.session_pool.limits
    return GroupLimits(limits.memory_soft, limits.memory_hard)
