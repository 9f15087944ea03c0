"""Whether a conversation has a prompt already: decides after a crash between `continue` and the prompt."""

from __future__ import annotations

from pathlib import Path

_TAIL = 4 * 1024 * 1024


def transcript_holds(path: Path | None, uuid: str) -> bool:
    """Whether the last 4 MiB of a transcript name the user line `uuid`."""
    if path is None:
        return False
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL))
            return uuid.encode() in file.read()
    except OSError:
        return False
