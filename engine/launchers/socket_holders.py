"""Which processes hold the other end of a TCP connection within this machine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from engine.base.processes import PROC

_TABLES = ("net/tcp", "net/tcp6")


def holders_of(port: int, to_port: int) -> list[int] | None:
    """The pids of this user that hold a connection within the machine from `port` to `to_port`, whatever its addresses.

    None when none of this user's processes does; an empty list when one does that cannot be found. Reads the
    descriptors of every process: run it in a thread. Raises OSError when the machine cannot be seen.
    """
    links = {f"socket:[{inode}]" for inode in _inodes(port, to_port)}
    return [pid for pid in _pids() if _holds(pid, links)] if links else None


def _inodes(port: int, to_port: int) -> Iterator[str]:
    for table in _TABLES:
        path = PROC / table
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            _, local, remote, _state, _queues, _timer, _retries, uid, _timeout, inode, *_ = line.split()
            if _port(local) == port and _port(remote) == to_port and int(uid) == os.getuid():
                yield inode


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _pids() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]


def _holds(pid: int, links: set[str]) -> bool:
    with contextlib.suppress(OSError):  # it has ended, or is not ours
        for descriptor in Path(PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                if os.readlink(descriptor) in links:  # noqa: PTH115 - called often
                    return True
    return False
