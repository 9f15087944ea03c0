"""Whom files of this machine belong to: folders that others can write, and sockets of others, are refused."""

from __future__ import annotations

import os
import socket
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

from engine.base.errors import BadInput, Forbidden
from engine.base.files import private_folder
from engine.base.processes import ProcessId, identify

_CREDENTIALS = struct.Struct("3i")
_CONNECT_S = 2.0


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end of a local socket, as the kernel knows it; pid 0 is one outside of our view.

    `process` is the process that had the pid when the connection was looked at, None where it could not be seen.
    """

    pid: int
    uid: int
    process: ProcessId | None = None

    @property
    def is_there(self) -> bool:
        """Whether the pid still means the same process. Raises OSError when it cannot be looked at."""
        return self.process is not None and identify(self.pid) == self.process


class NotPrivate(BadInput):
    """A folder or a file belongs to somebody else, or others can write it."""

    code, http_status = "not_private", 403


class ForeignEngine(Forbidden):
    """What listens on a socket belongs to another user."""

    code = "foreign_engine"


def own_folder(path: Path, field: str) -> Path:
    """The folder, made with mode 0700 when it is missing. Raises NotPrivate naming the setting `field`, OSError."""
    private_folder(path)
    check_folder(path, field)
    return path


def check_folder(path: Path, field: str) -> None:
    """Others may write neither the folder nor replace one above it. Raises NotPrivate, OSError."""
    if path.is_symlink():
        _check_owner(path, path.lstat(), field, ours_alone=True)
    place = path.resolve()
    found = place.stat()
    _check_owner(place, found, field, ours_alone=True)
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotPrivate(
            f"Others may write {place}.", field=field, remedy=f"`chmod go-w {place}`, or {_another(field)}"
        )
    for above in place.parents:
        found = above.stat()
        _check_owner(above, found, field, ours_alone=False)
        if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
            remedy = f"`chmod o-w {above}`, or {_another(field)}"
            raise NotPrivate(f"Anybody may replace what is in {above}.", field=field, remedy=remedy)


def check_file(path: Path, field: str) -> None:
    """A regular file of our own that nobody else reads or writes. Raises NotPrivate, OSError."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise NotPrivate(f"{path} is not a regular file.", field=field, remedy=f"Remove it, or {_another(field)}")
    _check_owner(path, found, field, ours_alone=True)
    if found.st_mode & 0o077:
        remedy = f"`chmod 600 {path}`, or remove it for a new one."
        raise NotPrivate(f"{path} can be read by others.", field=field, remedy=remedy)


def check_engine(path: Path) -> None:
    """What listens at the socket is ours; nothing is sent to it. Raises NotPrivate, ForeignEngine.

    A socket that nobody listens on passes: whoever connects next finds that out.
    """
    if not path.is_socket():
        return
    check_folder(path.parent, "api.socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_CONNECT_S)
        try:
            probe.connect(str(path))
        except OSError:
            return
        peer = peer_of(probe)
    if peer is not None and peer.uid != os.getuid():
        sentence = f"The engine at {path} belongs to user {peer.uid}, not to you."
        raise ForeignEngine(sentence, remedy="Nothing was sent to it. Set `api.socket` to a path in a folder of yours.")


def peer_of(connection: socket.socket) -> Peer | None:
    """The process at the other end of a Unix socket; None on another kind of socket."""
    if connection.family != socket.AF_UNIX:
        return None
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _gid = _CREDENTIALS.unpack(raw)
    try:
        return Peer(pid, uid, identify(pid) if pid else None)
    except OSError:
        return Peer(pid, uid)


def _check_owner(path: Path, found: os.stat_result, field: str, *, ours_alone: bool) -> None:
    ours = {os.getuid()} if ours_alone else {os.getuid(), 0}
    if found.st_uid not in ours:
        remedy = f"`chown` it, or {_another(field)}"
        raise NotPrivate(f"{path} belongs to user {found.st_uid}.", field=field, remedy=remedy)


def _another(field: str) -> str:
    return f"set `{field}` to a path in a folder of yours."
