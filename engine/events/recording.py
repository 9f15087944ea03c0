"""Reading a flight recording: its segments, the state at any of its moments, and what of it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.base.errors import BadInput
from engine.events.recorder import SegmentHead
from engine.events.reducers.projection import Projection
from engine.events.segments import chunks_of, missing_between, segments_of
from engine.events.state import BUCKET_S, Bucket, CauseView, State, decode_state
from engine.events.types import EventEnvelope, decode_stamped

DAMAGE_KEPT = 100
"""Missing things that are named."""
TRENDS_READ = 200
"""Checkpoints that are read for the trends of the whole time."""
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)

_decode_head = msgspec.json.Decoder(SegmentHead).decode


@dataclass(frozen=True, slots=True)
class Moment:
    """The state at a moment, the events since the checkpoint before it, and those that followed."""

    state: State
    before: list[EventEnvelope]
    after: Iterator[EventEnvelope]


@dataclass(slots=True)
class _Read:
    """A chunk that was read: its state, None when that is damaged, and its events."""

    index: int
    state: msgspec.Raw | None
    events: list[EventEnvelope]


class Recording:
    """A recorded run: one segment file, or the segments of one engine in a folder, by default of the newest.

    What cannot be read is left out and named in `damage`. Owner of the last chunk that was read.
    """

    def __init__(self, path: Path, engine: str = "") -> None:
        self.damage: list[str] = []
        self.paths = segments_of(path, engine)
        chunks = [chunk for segment in self.paths for chunk in chunks_of(segment, self.damage)]
        if not chunks:
            raise BadInput(
                f"{self.paths[0]} is not a flight recording: it holds no snapshot.",
                remedy="Name a *.flight.jsonl file that an engine wrote, or their folder.",
                field="path",
            )
        self.engine = chunks[0].engine
        self._chunks = [chunk for chunk in chunks if chunk.engine == self.engine]
        if len(self._chunks) < len(chunks):
            self._report(f"{len(chunks) - len(self._chunks)} stretches are another engine's")
        for gap in missing_between(self._chunks):
            self._report(gap)
        self._read: _Read | None = None
        self.start = self._chunks[0].at or next((event.at for event in self._load(0).events), 0.0)
        last = self._load(len(self._chunks) - 1)
        self.end = last.events[-1].at if last.events else self._chunks[-1].at

    @property
    def number(self) -> int:
        """How many events there are."""
        return sum(chunk.events for chunk in self._chunks)

    def initial(self) -> State:
        """The state before the first event."""
        return self._state_of(0)

    def events(self) -> Iterator[EventEnvelope]:
        """All events in order."""
        return self._events_from(0)

    def state_at(self, at: float) -> State:
        """The state at the wall time `at` (seconds since 1970)."""
        return self.moment(at).state

    def moment(self, at: float) -> Moment:
        """The state at `at` and what lies around it; before the recording, its first state."""
        index = next((i for i in range(len(self._chunks) - 1, 0, -1) if self._chunks[i].at <= at), 0)
        projection = Projection(self._state_of(index))
        events = self._load(index).events
        passed = next((i for i, stamped in enumerate(events) if stamped.at > at), len(events))
        for stamped in events[:passed]:
            _apply(projection, stamped)
        return Moment(projection.state, events[:passed], self._chain(events[passed:], index + 1))

    def trends(self) -> tuple[list[Bucket], list[CauseView]]:
        """Buckets and causes of the whole time, oldest first; the state at any moment holds only its last hour's."""
        state = self.state_at(self.end)
        buckets, causes = list(state.buckets), list(state.causes)
        for index in self._spread():
            if buckets and self._chunks[index].at >= buckets[0].start + BUCKET_S:
                continue
            earlier = self._state_of(index)
            first = buckets[0].start if buckets else self.end
            buckets = [bucket for bucket in earlier.buckets if bucket.start < first] + buckets
            oldest = causes[0].at if causes else self.end
            causes = [cause for cause in earlier.causes if cause.at < oldest] + causes
        return buckets, causes

    def find(self, text: str, after: float) -> EventEnvelope | None:
        """The first event after `after` whose line holds `text`, whatever its case."""
        wanted = text.lower().encode()
        for index, chunk in enumerate(self._chunks):
            ends = self._chunks[index + 1].at if index + 1 < len(self._chunks) else self.end
            if ends <= after or wanted not in chunk.read().lower():
                continue
            for line in chunk.read().splitlines()[1:]:
                if wanted in line.lower() and (found := _event(line)) is not None and found.at > after:
                    return found
        return None

    def _spread(self) -> list[int]:
        """Chunks from the newest to the oldest, at most TRENDS_READ of them."""
        step = -(-len(self._chunks) // TRENDS_READ)
        return list(range(len(self._chunks) - 1, -1, -step))

    def _events_from(self, index: int) -> Iterator[EventEnvelope]:
        for at in range(index, len(self._chunks)):
            yield from self._load(at).events

    def _chain(self, events: list[EventEnvelope], following: int) -> Iterator[EventEnvelope]:
        yield from events
        yield from self._events_from(following)

    def _state_of(self, index: int) -> State:
        """The state of a checkpoint; where that is damaged, the one that the events before it lead to."""
        state = self._load(index).state
        if state is not None:
            try:
                return decode_state(state)
            except msgspec.MsgspecError:
                self._report(f"the snapshot at event {self._chunks[index].seq} is damaged")
        if index == 0:
            return State()
        projection = Projection(self._state_of(index - 1))
        for stamped in self._load(index - 1).events:
            _apply(projection, stamped)
        return projection.state

    def _load(self, index: int) -> _Read:
        if self._read is None or self._read.index != index:
            self._read = self._decode(index)
        return self._read

    def _decode(self, index: int) -> _Read:
        chunk = self._chunks[index]
        try:
            first, *lines = chunk.read(self._report).split(b"\n")
        except OSError as error:
            self._report(f"{chunk.path.name} cannot be read: {error.strerror or error}")
            return _Read(index, None, [])
        state = None
        try:
            state = _decode_head(first).state
        except msgspec.MsgspecError:
            if lines:
                self._report(f"the snapshot at event {chunk.seq} is damaged")
        events = [stamped for line in lines[:-1] if (stamped := _event(line)) is not None]
        if lines[-1] if lines else first:
            self._report(f"{chunk.path.name} ends in the middle of a line")
        if bad := max(0, len(lines) - 1 - len(events)):
            self._report(f"{bad} damaged lines after event {chunk.seq}")
        last = events[-1].seq - chunk.seq if events and index == len(self._chunks) - 1 else 0
        if (missing := max(last, chunk.events if chunk.packed else 0) - len(events) - bad) > 0:
            self._report(f"{missing} events after event {chunk.seq} are missing")
        return _Read(index, state, events)

    def _report(self, what: str) -> None:
        if what not in self.damage and len(self.damage) < DAMAGE_KEPT:
            self.damage.append(what)


def _apply(projection: Projection, stamped: EventEnvelope) -> None:
    """An event that does not fit the state, for others are missing, changes what it can."""
    try:
        projection.apply(stamped)
    except _UNREADABLE:
        projection.state.seq = stamped.seq


def _event(line: bytes) -> EventEnvelope | None:
    try:
        return decode_stamped(line)
    except msgspec.MsgspecError:
        return None
