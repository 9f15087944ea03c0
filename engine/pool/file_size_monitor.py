"""Watches files that sessions write without end: transcripts, and the outputs of tools in the background.

The reason is hazard H9 of docs/development/hazards.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from engine.base.files import size_of
from engine.pool.limits import PoolLimits
from engine.pool.session_limits import MIB, Level, MemoryVerdict
from engine.sessions.session import Session

_HARD = 2
"""Times its limit at which a tool's output ends the turn: it grows on while the turn lasts."""


class FileSizeMonitor:
    """Owner of the gravest verdict reported for each session's files, and of the transcripts' last sizes in bytes."""

    def __init__(self) -> None:
        self._reported: dict[str, Level] = {}
        self.transcripts: dict[str, int] = {}

    async def look(self, session: Session, limits: PoolLimits) -> MemoryVerdict:
        """What the sizes show that was not reported before; they are read in a thread."""
        transcript, outputs = await asyncio.to_thread(_sizes, session)
        self.transcripts[session.id] = transcript
        verdict = judge(transcript, outputs, limits)
        if verdict.level <= self._reported.get(session.id, Level.FINE):
            return MemoryVerdict()
        self._reported[session.id] = verdict.level
        return verdict

    def keep(self, sessions: Iterable[str]) -> None:
        """Forget all but these."""
        kept = {*sessions}
        self._reported = {name: level for name, level in self._reported.items() if name in kept}
        self.transcripts = {name: size for name, size in self.transcripts.items() if name in kept}


def judge(transcript: int, outputs: int, limits: PoolLimits) -> MemoryVerdict:
    """The verdict on the bytes of a transcript and of all tools' outputs of a conversation; a limit of 0 is none."""
    most = limits.output_max
    if most and outputs > most:
        level = Level.HARD if outputs > _HARD * most else Level.SOFT
        reason = f"its tools' output has {outputs // MIB} MiB, above output_max of {most // MIB} MiB"
        return MemoryVerdict(level, reason)
    most = limits.transcript_max
    if most and transcript > most:
        reason = f"its transcript has {transcript // MIB} MiB, above transcript_max of {most // MIB} MiB"
        return MemoryVerdict(Level.SOFT, reason)
    return MemoryVerdict()


def _sizes(session: Session) -> tuple[int, int]:
    transcript = session.transcript()
    return (size_of(transcript) if transcript is not None else 0), sum(size_of(path) for path in session.outputs())
