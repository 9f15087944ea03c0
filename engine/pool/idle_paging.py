"""Which idle session's memory is paged out next: where memory is short, the one that rests longest. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from engine.pool.limits import PoolLimits
from engine.pool.session_index import IndexedSession


class IdlePaging:
    """Owner of when each session was used last before it was paged out: none twice between two uses."""

    def __init__(self) -> None:
        self._paged: dict[str, float] = {}

    def due(self, idle: Iterable[IndexedSession], now: float, memory_used: float, limits: PoolLimits) -> str:
        """The session to page out now, of these, the one idle longest first; empty for none."""
        if not limits.page_out_after or memory_used < limits.page_out_above:
            return ""
        for session in idle:
            if now - session.last_used < limits.page_out_after:
                return ""
            if not session.engaged and self._paged.get(session.session) != session.last_used:
                self._paged[session.session] = session.last_used
                return session.session
        return ""

    def keep(self, sessions: Iterable[str]) -> None:
        """Forget all but these."""
        kept = {*sessions}
        self._paged = {name: used for name, used in self._paged.items() if name in kept}
