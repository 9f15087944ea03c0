"""Whether a transcript contains a prompt: after a crash this decides between `continue` and the prompt."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, cast

from engine.backends.base import Backend, Profile
from engine.memory.buffers import SIZES, BufferPool

_TAIL = 4 * 1024 * 1024
_PIECE = SIZES[-1]


def transcript_holds(path: Path | None, uuid: str, buffers: BufferPool, tenant: str) -> bool:
    """Whether the last 4 MiB of a transcript name the user line `uuid`; they are read in pieces that overlap."""
    if path is None:
        return False
    wanted = uuid.encode()
    try:
        with path.open("rb", buffering=0) as file, buffers.lease(_PIECE, tenant) as view:
            end = file.seek(0, 2)
            at = max(0, end - _TAIL)
            while at < end:
                if (size := _read(file, at, view)) and cast("bytearray", view.obj).find(wanted, 0, size) >= 0:
                    return True
                if size < len(view):
                    break
                at += size - len(wanted) + 1
    except OSError:
        return False
    return False


def _read(file: BinaryIO, at: int, view: memoryview) -> int:
    """Fill the view from there on, as far as the file goes; returns the bytes."""
    file.seek(at)
    size = 0
    while size < len(view) and (more := file.readinto(view[size:])):  # type: ignore[attr-defined]
        size += more
    return size


class AgentTranscripts:
    """The transcripts that the agents of a backend keep on disk."""

    def __init__(self, backend: Backend, buffers: BufferPool) -> None:
        self._backend = backend
        self._buffers = buffers

    def holds_prompt(self, profile: Profile, conversation: str, uuid: str) -> bool:
        """Whether a conversation's transcript has the user line with this uuid."""
        path = self._backend.transcript(profile, conversation)
        return transcript_holds(path, uuid, self._buffers, profile.tenant)
