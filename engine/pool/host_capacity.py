"""Whether the machine can carry one more session, and what says no: pure (docs/development/hazards.md, H4, H8, H25)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.launchers.host import HostFacts

FILES_A_SESSION = 4
"""File descriptors that one session costs the engine: three pipes and a pidfd."""
FILES_KEPT = 64
PIDS_A_SESSION = 24
"""Threads and processes of one CLI with a tool running, as measured."""
PIDS_KEPT = 256
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class HostCapacityLimits:
    """What must stay free, in bytes; `session_bytes` is taken for a session as long as none was measured."""

    memory_floor: int
    disk_floor: int
    session_bytes: int


@dataclass(frozen=True, slots=True)
class HostCapacity:
    """Sessions that may be added now; `reason` names what sets that limit."""

    more: int
    reason: str


def host_capacity(host: HostFacts, size: int, measured: float | None, limits: HostCapacityLimits) -> HostCapacity:
    """How many sessions fit beside the `size` that are there; `measured` is the PSS of one, in bytes."""
    each = max(1, int(measured or limits.session_bytes))
    free, kept = host.memory_free // MIB, limits.memory_floor // MIB
    text = f"{free} MiB of memory are free, {kept} MiB are kept, a session takes {each // MIB} MiB"
    rooms = [((host.memory_free - limits.memory_floor) // each, text)]
    if host.files_free is not None:
        text = f"{host.files_free} file descriptors are free; `ulimit -n` raises them"
        rooms.append(((host.files_free - FILES_KEPT) // FILES_A_SESSION, text))
    if host.inotify_limit is not None:
        text = f"fs.inotify.max_user_instances is {host.inotify_limit}, and each session takes one"
        rooms.append((host.inotify_limit - 1 - size, text))
    if host.pids_free is not None:
        rooms.append(((host.pids_free - PIDS_KEPT) // PIDS_A_SESSION, f"{host.pids_free} process ids are free"))
    if host.disk_free is not None and host.disk_free < limits.disk_floor:
        text = f"{host.disk_free // MIB} MiB of disk are free, and {limits.disk_floor // MIB} MiB are kept"
        rooms.append((0, text))
    more, reason = min(rooms, key=lambda capacity: capacity[0])
    return HostCapacity(max(0, more), reason)
