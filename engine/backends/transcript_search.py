"""Whether a transcript contains a prompt: after a crash this decides between `continue` and the prompt."""

from __future__ import annotations

from pathlib import Path

from engine.backends.base import Backend, Profile

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


class AgentTranscripts:
    """The transcripts that the agents of a backend keep on disk."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def holds_prompt(self, profile: Profile, conversation: str, uuid: str) -> bool:
        """Whether a conversation's transcript has the user line with this uuid."""
        return transcript_holds(self._backend.transcript(profile, conversation), uuid)
