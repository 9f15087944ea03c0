"""How many connections a listener takes: few before their caller is known, never those that sessions need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

C = TypeVar("C")
STRANGERS = 128
"""Connections whose caller is not known yet that stay for as long as they may."""
MOST_STRANGERS = 1024
"""Connections whose caller is not known yet, however young; beyond it a listener pauses."""
MOST_CONNECTIONS = 1024
"""Connections of known callers on one listener; the next ones are answered 503."""
SHARE = 0.5
"""Part of a listener's places that one process may hold."""
GRACE_S = 0.25
"""Age in seconds at which a stranger makes room for younger ones."""
OVERFLOW = 32
"""Connections above the cap that are taken in order to be refused with an answer."""
_PER_SESSION = 8
_OWN = 64
_FEWEST = 16


@dataclass(frozen=True, slots=True)
class ConnectionCaps:
    """The bounds of one listener, in connections."""

    connections: int = MOST_CONNECTIONS
    strangers: int = STRANGERS
    most_strangers: int = MOST_STRANGERS

    @property
    def share(self) -> int:
        """Connections that one process may hold, so that another always gets in."""
        return max(1, int(self.connections * SHARE))


def caps_within(descriptors: int | None, sessions: int, listeners: int) -> ConnectionCaps:
    """The caps that leave descriptors for the engine and its sessions; None stands for no limit of descriptors."""
    if descriptors is None:
        return ConnectionCaps()
    reserve = min(_OWN + _PER_SESSION * sessions, descriptors * 3 // 4)
    share = max(_FEWEST, (descriptors - reserve) // max(1, listeners))
    known = min(MOST_CONNECTIONS, max(1, share // 2))
    young = min(MOST_STRANGERS, max(1, share - known))
    return ConnectionCaps(known, min(STRANGERS, young), young)


class Admission(Generic[C]):
    """Owner of a listener's list of connections; decides and closes nothing itself.

    `strangers` are connections whose caller is not known, in order of their arrival.
    """

    def __init__(self, caps: ConnectionCaps) -> None:
        self.caps = caps
        self._strangers: dict[C, float] = {}
        self._placed: dict[C, Hashable] = {}
        self._held: Counter[Hashable] = Counter()
        self._refused: set[C] = set()

    @property
    def size(self) -> int:
        """Connections that are open."""
        return len(self._strangers) + self._known

    @property
    def crowded(self) -> bool:
        """Whether there are more strangers than may stay."""
        return len(self._strangers) > self.caps.strangers

    @property
    def full(self) -> bool:
        """Whether no further connection can be taken now."""
        return len(self._strangers) >= self.caps.most_strangers or self._known >= self.caps.connections + OVERFLOW

    @property
    def _known(self) -> int:
        return len(self._placed) + len(self._refused)

    def arrived(self, connection: C, now: float) -> None:
        """A connection was accepted."""
        self._strangers[connection] = now

    def recognised(self, connection: C, process: Hashable = None) -> bool:
        """The caller of a connection is known now; False when the listener, or its process, has too many of them.

        A connection that has its place keeps it. The process is None where it is not known; then it has no share.
        """
        if connection in self._placed:
            return True
        self._strangers.pop(connection, None)
        if len(self._placed) >= self.caps.connections or self._held[process] >= self.caps.share:
            self._refused.add(connection)
            return False
        self._refused.discard(connection)
        self._placed[connection] = process
        if process is not None:
            self._held[process] += 1
        return True

    def left(self, connection: C) -> None:
        """A connection ended."""
        self._strangers.pop(connection, None)
        self._refused.discard(connection)
        process = self._placed.pop(connection, None)
        if process is not None:
            self._held[process] -= 1
            if not self._held[process]:
                del self._held[process]

    def surplus(self, now: float) -> list[C]:
        """The strangers that make room: the oldest above the cap, as far as they had their grace."""
        over = len(self._strangers) - self.caps.strangers
        if over <= 0:
            return []
        oldest = list(self._strangers.items())[:over]
        return [connection for connection, since in oldest if now - since >= GRACE_S]
