"""What the console remembers of the time it has seen: events in stretches that each open with a whole state."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from engine.events.reducers.projection import Projection
from engine.events.state import State, decode_state, encode_state
from engine.events.types import EventEnvelope

HISTORY_BYTES = 16 * 1024**2
"""Room for all closed stretches, compressed; the oldest go first."""
STRETCH_S = 60.0
"""Seconds after which a stretch is closed."""
STRETCH_EVENTS = 5000
"""Events after which a stretch is closed, so that no moment is more than these from a state."""
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[EventEnvelope]).decode


@dataclass(slots=True)
class _Stretch:
    """The state at `at`, compressed, and the events after it: a list while it is open, then compressed too."""

    at: float
    state: bytes
    events: list[EventEnvelope] = field(default_factory=list)
    closed: bytes = b""

    @property
    def size(self) -> int:
        return len(self.state) + len(self.closed)


class History:
    """Owner of the stretches. Memory: HISTORY_BYTES, the open stretch, and one more that was read last."""

    def __init__(self, room: int = HISTORY_BYTES) -> None:
        self._room = room
        self._stretches: deque[_Stretch] = deque()
        self._bytes = 0
        self._read: tuple[_Stretch, list[EventEnvelope]] | None = None

    @property
    def start(self) -> float:
        """The first moment that is remembered, 0.0 when there is none."""
        return next((stretch.at for stretch in self._stretches if stretch.at), 0.0)

    def begin(self, state: State) -> None:
        """Open a new stretch with this state: after a start, a gap, or when the one before is long enough."""
        self._close()
        self._stretches.append(_Stretch(state.at, zlib.compress(encode_state(state), 1)))
        self._bytes += self._stretches[-1].size
        while self._bytes > self._room and len(self._stretches) > 1:
            self._bytes -= self._stretches.popleft().size

    def add(self, stamped: EventEnvelope, state: State) -> None:
        """Remember an event; `state` is the one it led to."""
        if not self._stretches:
            self.begin(State())
        stretch = self._stretches[-1]
        stretch.events.append(stamped)
        stretch.at = stretch.at or stamped.at
        if len(stretch.events) >= STRETCH_EVENTS or stamped.at - stretch.at >= STRETCH_S:
            self.begin(state)

    def state_at(self, at: float) -> State | None:
        """The state at a moment, None before the first that is remembered."""
        stretch = next((each for each in reversed(self._stretches) if each.at <= at), None)
        if stretch is None:
            return None
        projection = Projection(decode_state(zlib.decompress(stretch.state)))
        for stamped in self._events_of(stretch):
            if stamped.at > at:
                break
            try:
                projection.apply(stamped)
            except _UNREADABLE:
                continue
        return projection.state

    def _events_of(self, stretch: _Stretch) -> Sequence[EventEnvelope]:
        if not stretch.closed:
            return stretch.events
        if self._read is None or self._read[0] is not stretch:
            self._read = (stretch, _decode(zlib.decompress(stretch.closed)))
        return self._read[1]

    def _close(self) -> None:
        if self._stretches and self._stretches[-1].events:
            stretch = self._stretches[-1]
            stretch.closed, stretch.events = zlib.compress(_encode(stretch.events), 1), []
            self._bytes += len(stretch.closed)
