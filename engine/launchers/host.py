"""What this machine still has for sessions: memory, file descriptors, inotify instances, pids, disk, CPU."""

from __future__ import annotations

import errno
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

INOTIFY_LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
_PID_LIMITS = (Path("/sys/fs/cgroup/pids.max"), Path("/proc/sys/kernel/pid_max"))
_PID_COUNT = Path("/sys/fs/cgroup/pids.current")


@dataclass(frozen=True, slots=True)
class HostFacts:
    """Bytes, counts, and ratios of the machine; None is no limit, or none that can be read."""

    memory_free: int
    memory_used: float
    cpu: float
    files_free: int | None
    inotify_limit: int | None
    pids_free: int | None
    disk_free: int | None


class Host:
    """Reads the machine; `folder` is where transcripts go. 0.2 ms a reading.

    CPU is smoothed over the last readings: a short one, as the first always is, says little. `watches` states that
    sessions watch files, each with an inotify instance: the CLI does, the simulator does not.
    """

    def __init__(self, folder: Path, *, watches: bool = True) -> None:
        self._folder = folder
        self._watches = watches
        self._cpu = 0.0
        psutil.cpu_percent()

    def read(self) -> HostFacts:
        """What there is now."""
        memory = psutil.virtual_memory()
        self._cpu += (psutil.cpu_percent() / 100 - self._cpu) / 2
        return HostFacts(
            memory_free=memory.available,
            memory_used=1 - memory.available / memory.total,
            cpu=self._cpu,
            files_free=_files_free(),
            inotify_limit=number_in(INOTIFY_LIMIT) if self._watches else None,
            pids_free=_pids_free(),
            disk_free=disk_free(self._folder),
        )


def disk_free(folder: Path) -> int | None:
    """Free bytes where a folder is, or will be."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), None)
    try:
        return shutil.disk_usage(there).free if there is not None else None
    except OSError:
        return None


def number_in(path: Path) -> int | None:
    """The number that a file of the kernel holds; None for `max` and where there is no such file."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _files_free() -> int | None:
    """File descriptors that this process may still open: none when it cannot even count them for want of one."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    try:
        return soft - sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError as error:
        return 0 if error.errno in {errno.EMFILE, errno.ENFILE} else None


def _pids_free() -> int | None:
    limits = [limit for path in _PID_LIMITS if (limit := number_in(path)) is not None]
    used = number_in(_PID_COUNT) or len(psutil.pids())
    return min(limits) - used if limits else None
